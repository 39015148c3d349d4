"""Pixels of segmentation networks are compared like the images of classifiers."""

import pytest
import tiny_segmentors as tiny
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mmkd import functional
from mmkd.composition.composing import settings_for
from mmkd.networks.taps import Tap
from mmkd.registry import MODELS

LOGITS = Tap("decode_head.conv_seg")
KD = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0), locations=tiny.PIXELS)
MAPS = dict(student="@logits", teacher="@logits")
# The first 24 of 64 rows of an annotation are ignored: 3 of 8 rows of a map.
KEPT = slice(3, None)


def rows(maps: Tensor) -> Tensor:
    return maps[:, :, KEPT].permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def labels(data: dict) -> Tensor:
    """The class of the pixel at the centre of each of the compared cells."""
    annotations = torch.stack([sample.gt_sem_seg.data[0] for sample in data["data_samples"]])
    return annotations[:, 4::8, 4::8][:, KEPT].flatten()


def compared(terms: dict, **networks) -> tuple[dict, Tensor, Tensor, Tensor]:
    """The losses of a step, the rows of both networks' logits, and the labels."""
    data = tiny.batch()
    losses, step = tiny.step(tiny.distiller(terms=terms, **networks), data)
    maps = [step.features[name][LOGITS] for name in ("student", "teacher")]
    own, theirs = (interpolate(one, (8, 8), mode="bilinear") for one in maps)
    return losses, rows(own), rows(theirs), labels(data)


@pytest.mark.parametrize("stride", [8, 32])
def test_a_pixel_is_a_sample_and_ignored_ones_are_none(stride: int) -> None:
    """Also for a teacher of another output stride, whose map is interpolated."""
    weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
    adaptive = dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0)
    dkd = dict(type="mmkd.DKDLoss", temperature=1.0, beta=0.25)
    terms = dict(
        kd=KD,
        er=dict(KD, sample_weight=weight),
        ea=dict(KD, sample_weight=adaptive),
        dkd=dict(KD, loss=dkd),
    )
    teacher = tiny.segmentor(16, stride=stride, head=tiny.PSP)
    losses, own, theirs, classes = compared(terms, teacher=teacher)
    assert len(own) == 2 * 5 * 8
    each = functional.kd(own, theirs, temperature=1.0, reduction="none")
    entropies = functional.entropy(theirs, 4.0)
    torch.testing.assert_close(losses["loss_kd"], each.mean())
    torch.testing.assert_close(losses["loss_er"], (each * entropies).mean())
    weights = functional.entropy_adaptive_weight(own, theirs, temperature=4.0)
    torch.testing.assert_close(losses["loss_ea"], (each * weights).mean())
    decoupled = functional.dkd(own, theirs, classes, beta=0.25, temperature=1.0)
    torch.testing.assert_close(losses["loss_dkd"], decoupled)


def test_half_of_the_pixels_are_selected() -> None:
    terms = settings_for(MODELS.build(tiny.segmentor()), ["select"])["model"]["terms"]
    _, seen = tiny.step(tiny.distiller(terms=terms))
    assert len(seen.student_logits) == 2 * 5 * 8 // 2  # three of eight rows are ignored


def test_dist_compares_each_pixel_and_each_class_over_all_pixels() -> None:
    loss = dict(type="mmkd.DISTLoss", temperature=1.0)
    losses, own, theirs, _ = compared(dict(dist=dict(KD, loss=loss)))
    torch.testing.assert_close(losses["loss_dist"], functional.dist(own, theirs, temperature=1.0))


def test_a_feature_of_another_size_is_weighed_by_the_logits_of_its_pixels() -> None:
    hint = dict(type="mmkd.HintLoss")
    weight = dict(type="mmkd.EntropyWeight")
    term = dict(
        student="backbone.layer1",
        teacher="backbone.layer1",
        loss=hint,
        locations=tiny.PIXELS,
        sample_weight=weight,
    )
    data = tiny.batch(ignored=0)
    network = tiny.segmentor()
    losses, step = tiny.step(
        tiny.distiller(network, tiny.segmentor(8, stride=32), terms=dict(hint=term)), data
    )
    own, theirs = (step.features[n][Tap("backbone.layer1")] for n in ("student", "teacher"))
    logits = interpolate(step.features["teacher"][LOGITS], own.shape[2:], mode="bilinear")
    entropies = functional.entropy(logits.permute(0, 2, 3, 1).flatten(0, 2), 4.0)
    each = (own - theirs).square().mean(1).flatten()
    torch.testing.assert_close(losses["loss_hint"], (each * entropies).mean())


def test_equal_networks_have_no_loss_and_images_may_change_their_size() -> None:
    model = tiny.distiller(tiny.segmentor(), tiny.segmentor(), terms=dict(kd=KD))
    model.student.load_state_dict(model.teachers["teacher"].network.state_dict())
    model.student.eval()
    for size in (64, 96, 64):
        model.data_preprocessor.size = (size, size)
        losses, _ = tiny.step(model, tiny.batch(size))
        assert losses["loss_kd"] == 0


def test_without_a_pixel_the_loss_is_zero_and_has_a_graph() -> None:
    losses, _ = tiny.step(tiny.distiller(terms=dict(kd=KD)), tiny.batch(ignored=64))
    losses["loss_kd"].backward()
    assert losses["loss_kd"] == 0


def test_classes_of_another_teacher_are_mapped_pixel_by_pixel() -> None:
    teacher = dict(model=tiny.segmentor(16, classes=6), class_map=[5, 0, None, 2])
    data = tiny.batch()
    model = tiny.MODELS.build(
        dict(type="mmkd.Distiller", student=tiny.segmentor(), teacher=teacher, terms=dict(kd=KD))
    )
    losses, step = tiny.step(model.train(), data)
    own, theirs = (rows(step.features[name][LOGITS]) for name in ("student", "teacher"))
    expected = functional.kd(own[:, [0, 1, 3]], theirs[:, [5, 0, 2]], temperature=1.0)
    torch.testing.assert_close(losses["loss_kd"], expected)


def test_cwd_compares_the_maps_of_classes_over_all_positions() -> None:
    term = dict(MAPS, loss=dict(type="mmkd.CWDLoss", temperature=2.0))
    losses, step = tiny.step(tiny.distiller(terms=dict(cwd=term)))
    own, theirs = (
        (step.features[name][LOGITS].flatten(2) / 2).log_softmax(-1)
        for name in ("student", "teacher")
    )
    expected = 4 * (theirs.exp() * (theirs - own)).sum(-1).mean()
    torch.testing.assert_close(losses["loss_cwd"], expected)


@pytest.mark.parametrize(
    ("term", "teacher", "match"),
    [
        (dict(locations=None), None, r"locations=dict\(type='mmkd.PixelLocations'\)"),
        (dict(labels="decode_head.loss_decode:input[1]"), None, r"remove its `labels`"),
        (dict(student="@stages", teacher="@stages"), None, r"one map .* such as '@logits'"),
        ({}, dict(classes=6), r"Give the teacher a class_map"),
        (
            dict(
                MAPS,
                loss=dict(type="mmkd.CWDLoss"),
                locations=None,
                sample_weight=dict(type="mmkd.EntropyWeight"),
            ),
            None,
            r"locations=dict\(type='mmkd.PixelLocations'\)",
        ),
        (dict(loss=dict(type="mmkd.BinaryKDLoss")), None, r"head is made for a softmax"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(term, teacher, match) -> None:
    other = None if teacher is None else tiny.segmentor(**teacher)
    with pytest.raises(ValueError, match=match):
        tiny.distiller(teacher=other, terms=dict(kd={**KD, **term}))


def test_maps_of_logits_take_no_class_map() -> None:
    teacher = dict(model=tiny.segmentor(classes=6), class_map=[5, 0, None, 2])
    term = dict(MAPS, loss=dict(type="mmkd.CWDLoss"))
    with pytest.raises(ValueError, match=r"class map .* compare pixels"):
        tiny.MODELS.build(
            dict(
                type="mmkd.Distiller",
                student=tiny.segmentor(),
                teacher=teacher,
                terms=dict(cwd=term),
            )
        )
