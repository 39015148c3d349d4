"""Segmentation networks by roles: their heads are called past the hooks of modules."""

import pytest
import tiny_segmentors as tiny
import torch
from torch import nn

from mmkd.networks.role_search import NoRoleError
from mmkd.networks.roles import Roles
from mmkd.networks.segmentation import refuses_pixels
from mmkd.networks.taps import Tap
from mmkd.registry import MODELS

CWD = dict(type="mmkd.CWDLoss")


def roles_of(config: dict) -> Roles:
    return Roles.find("student", MODELS.build(config), torch.zeros(2, 3, 64, 64))


def test_the_roles_of_an_encoder_and_a_decode_head() -> None:
    found = roles_of(tiny.segmentor())
    assert found.taps["logits"] == [Tap("decode_head.conv_seg")]
    assert found.taps["map"] == [Tap("backbone.layer4")]
    assert {tap.path.partition(".")[0] for tap in found.taps["stages"]} == {"backbone"}
    assert found.taps["levels"] == [Tap("backbone", items=(level,)) for level in range(4)]
    with pytest.raises(NoRoleError, match="no vector of an image is classified"):
        found.resolve(Tap("@pooled"))


def test_the_logits_of_a_cascade_are_those_of_its_last_head() -> None:
    assert roles_of(tiny.ocrnet()).taps["logits"] == [Tap("decode_head.1.conv_seg")]


@pytest.mark.parametrize("make", [tiny.segmentor, tiny.ocrnet])
def test_a_tap_on_the_head_sees_what_its_losses_see(make) -> None:
    """The losses are those of a student that is trained alone, too."""
    head = "decode_head" if make is tiny.segmentor else "decode_head.1"
    term = dict(student=head, teacher="decode_head", loss=CWD)
    model = tiny.distiller(make(), terms=dict(cwd=term))
    data = model.data_preprocessor(tiny.batch(), True)
    losses, seen = model(**data, mode="loss"), []
    handle = model.student.get_submodule(f"{head}.conv_seg").register_forward_hook(
        lambda module, given, output: seen.append(output)
    )
    alone = model.student(**data, mode="loss")
    handle.remove()
    assert all(torch.equal(value, losses[name]) for name, value in alone.items())
    theirs = model.teachers["teacher"].example(data["inputs"], [Tap("decode_head")])
    expected = MODELS.build(CWD)(seen[0], theirs[Tap("decode_head")])
    torch.testing.assert_close(losses["loss_cwd"], expected)
    heads = [part for part in model.student.modules() if hasattr(part, "cls_seg")]
    assert not any("forward" in vars(part) for part in heads)


def test_the_map_of_a_backbone_that_gives_another_before_it_while_it_trains() -> None:
    """DDRNet does, for its auxiliary loss."""
    model, losses = tiny.segmentor(), [dict(type="CrossEntropyLoss")] * 2
    model["backbone"] = dict(type="DDRNet", channels=4, ppm_channels=4)
    head = dict(type="DDRHead", in_channels=16, channels=8, num_classes=4, loss_decode=losses)
    model.update(decode_head=head, auxiliary_head=None)
    found = roles_of(model)
    assert found.taps["map"] == found.taps["levels"] == [Tap("backbone", items=(-1,))]
    assert found.shapes[found.taps["map"][0]] == (2, 16, 8, 8)
    hint = dict(student="@map", teacher="@map", loss=dict(type="mmkd.HintLoss"))
    _, seen = tiny.step(tiny.distiller(model, terms=dict(hint=hint)), tiny.batch(ignored=0))
    assert seen.features["student"][Tap("backbone", items=(-1,))].shape == (2, 16, 8, 8)


def test_a_head_without_a_last_layer_gives_the_logits_itself() -> None:
    """The losses of such a student call forward directly."""
    term = dict(loss=dict(type="mmkd.KDLoss"), locations=tiny.PIXELS)
    model = tiny.distiller(tiny.segmentor(head=tiny.SEGMENTER), terms=dict(kd=term))
    assert model.logits["student"] == Tap("decode_head")
    losses, _ = tiny.step(model)
    losses["loss_kd"].backward()
    assert model.student.decode_head.patch_proj.weight.grad.abs().sum() > 0


def test_transforms_of_vectors_are_refused_for_maps() -> None:
    settings = dict(student_loss_transforms=[dict(type="mmkd.Standardize")])
    with pytest.raises(ValueError, match=r"are maps \(N, C, H, W\)"):
        tiny.distiller(terms=dict(kd=dict(loss=CWD)), **settings)


class Points(nn.Module):
    """Methods of PointRend's head."""

    def get_points_train(self) -> None: ...

    def cls_seg(self) -> None: ...


@pytest.mark.parametrize(
    ("head", "match"), [(Points(), "classifies points"), (nn.Identity(), "queries give masks")]
)
def test_heads_without_logits_of_pixels_say_why(head: nn.Module, match: str) -> None:
    network = nn.Module()
    network.decode_head = head
    assert match in refuses_pixels(network)


def test_heads_that_read_texts_say_so() -> None:
    network = MODELS.build(tiny.segmentor())
    assert refuses_pixels(network) is None
    network.text_encoder = nn.Identity()  # as SAN has
    assert "reads texts" in refuses_pixels(network)
