"""Runs of a ViT on masked patches."""

import mmkd  # noqa: F401

# isort: split
import pytest
import tiny
import torch
from torch import nn

from mmkd.networks import Tap
from mmkd.networks.masked_patches import MaskedPatches
from mmkd.registry import MODELS

MAP = Tap.parse("backbone.ln1")
VIT = dict(
    type="mmpretrain.VisionTransformer",
    arch=dict(embed_dims=12, num_layers=2, num_heads=2, feedforward_channels=16),
    img_size=16,
    patch_size=4,
)


class Convolved(nn.Module):
    """Patches as a map, as in torchvision, whose sum with a position is the output."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_proj, self.out = nn.Conv2d(3, 6, 4, 4), nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.conv_proj(images)
        return self.out(patches + torch.arange(4))


def vit() -> nn.Module:
    torch.manual_seed(0)
    model = dict(type="mmpretrain.ImageClassifier", backbone=dict(VIT, with_cls_token=False))
    model["backbone"].update(out_type="avg_featmap")
    return MODELS.build(model).eval()


def test_only_masked_patches_are_hidden() -> None:
    network, images = vit(), torch.randn(2, 3, 16, 16)
    patches = MaskedPatches.find(network, images, MAP)
    assert patches is not None
    assert (patches.count, patches.width) == (16, 12)
    mask, token = torch.zeros(2, 16, dtype=torch.bool), torch.randn(12)
    mask[0, 5] = True
    plain = patches(images, torch.zeros_like(mask), token)
    other = images.clone()
    other[0, :, 4:8, 4:8] += 1.0  # the sixth patch
    torch.testing.assert_close(patches(images, mask, token), patches(other, mask, token))
    assert not torch.equal(patches(images, mask, token)[0], plain[0])
    torch.testing.assert_close(patches(images, mask, token)[1], plain[1])
    assert not network.backbone.patch_embed._forward_hooks


def test_patches_may_be_a_map() -> None:
    network, images = Convolved(), torch.randn(2, 3, 16, 16)
    patches = MaskedPatches.find(network, images, Tap("out"))
    mask = torch.zeros(2, 16, dtype=torch.bool)
    mask[1, 6] = True
    token = torch.randn(6)
    expected = network(images).detach().clone()
    expected[1, :, 1, 2] = token + 2
    torch.testing.assert_close(patches(images, mask, token).detach(), expected)


@pytest.mark.parametrize("kind", ["cnn", "pooled"])
def test_networks_without_patches_at_the_tap_have_none(kind: str) -> None:
    network, tap = (vit(), "backbone") if kind == "pooled" else (None, "backbone")
    network = network or MODELS.build(tiny.classifier()).eval()
    size = 16 if kind == "pooled" else 32
    assert MaskedPatches.find(network, torch.randn(1, 3, size, size), Tap.parse(tap)) is None
