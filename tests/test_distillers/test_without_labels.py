"""Distillation of a bare backbone from features, on images without labels."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.config import ConfigDict
from mmengine.runner import save_checkpoint
from mmpretrain.structures import DataSample

from mmkd.distillers import Distiller
from mmkd.networks.student import student_checkpoint
from mmkd.registry import MODELS

VKD = dict(student="@map", teacher="@pooled", loss=dict(type="mmkd.VkDLoss"))
TAPS = ["@pooled", "@map"]
PROTEUS = dict(student=TAPS, teacher=TAPS, loss=dict(type="mmkd.ProteusLoss"))


def distiller(term: dict[str, Any]) -> Distiller:
    return tiny.distiller(student=tiny.classifier() | dict(head=None), terms=dict(feature=term))


def unlabelled() -> dict[str, Any]:
    return tiny.batch() | dict(data_samples=[DataSample() for _ in range(4)])


@pytest.mark.parametrize("term", [VKD, PROTEUS], ids=["vkd", "proteus"])
def test_features_alone_teach(term: dict[str, Any]) -> None:
    losses = tiny.losses_of(model := distiller(term), unlabelled())
    assert losses.keys() == {"loss_feature"}
    losses["loss_feature"].backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0


def test_proteus_masks_the_patches_of_a_transformer() -> None:
    arch = dict(embed_dims=12, num_layers=2, num_heads=2, feedforward_channels=16)
    backbone = dict(type="mmpretrain.VisionTransformer", arch=arch, img_size=32, patch_size=8)
    network = dict(type="mmpretrain.ImageClassifier", backbone=backbone, neck=None, head=None)
    student, teacher = (MODELS.build(network) for _ in range(2))
    model = tiny.distiller(student=student, teacher=teacher, terms=dict(feature=PROTEUS))
    before = model.state_dict()["terms.feature.loss.mask_token"].clone()
    tiny.train(model, steps=2)
    assert not torch.equal(model.state_dict()["terms.feature.loss.mask_token"], before)
    plain = distiller(PROTEUS)
    assert plain.terms["feature"].loss.patch_head is None


def test_its_logits_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="ends without a classifier and gives features alone"):
        distiller(dict(loss=dict(type="mmkd.KDLoss")))


@pytest.mark.parametrize("scope", ["mmpretrain", "mmdet"])
def test_the_students_file_initialises_a_stock_networks_backbone(
    tmp_path: Path, scope: str
) -> None:
    """A ResNet, which both packages have."""
    depth = dict(type="ResNet", depth=18, base_channels=4, stem_channels=4)
    backbone = dict(depth, _scope_="mmpretrain") | dict(out_indices=(3,))
    network = dict(type="mmpretrain.ImageClassifier", backbone=backbone, neck=None, head=None)
    model = tiny.distiller(student=network, terms=dict(feature=VKD))
    path = str(tmp_path / "student.pth")
    save_checkpoint(student_checkpoint(dict(state_dict=model.state_dict())), path)
    initial = dict(type="Pretrained", checkpoint=path, prefix="backbone.")
    fresh = MODELS.build(ConfigDict(depth, _scope_=scope, init_cfg=initial))
    fresh.init_weights()
    for name, value in model.student.backbone.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value), name
