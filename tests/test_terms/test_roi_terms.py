"""Terms on the logits of RoIs: two-stage detectors train on the tensors that the papers name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tiny_detectors as tiny
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from numpy.typing import NDArray
from torch import Tensor

from mmkd.distillers import Distiller, Step
from mmkd.networks.taps import Tap

Array = NDArray[np.float64]
KD = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))
DKD = dict(loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=0.25, temperature=1.0))
TERMS: dict[str, dict[str, Any]] = dict(
    kd=KD,
    er=KD | dict(sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0)),
    ea=KD | dict(sample_weight=dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0)),
    dkd=DKD,
    er_dkd=DKD | dict(sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0)),
)


def terms_of(head: str) -> dict[str, dict[str, Any]]:
    """All those terms on the logits of one RoI head."""
    labels = dict(labels=f"{head}.loss_cls:input[1]")
    logits = dict(logits=f"{head}.fc_cls")
    return {
        name: term | logits | (labels if term["loss"]["type"] == "mmkd.DKDLoss" else {})
        for name, term in TERMS.items()
    }


def log_softmax(logits: Array, temperature: float = 1.0) -> Array:
    raised = (logits - logits.max(1, keepdims=True)) / temperature
    return raised - np.log(np.exp(raised).sum(1, keepdims=True))


def divergence(log_p: Array, log_q: Array) -> Array:
    return (np.exp(log_p) * (log_p - log_q)).sum(1)


def entropies(logits: Array) -> Array:
    logarithms = log_softmax(logits, 4.0)
    return -(np.exp(logarithms) * logarithms).sum(1)


def decoupled(student: Array, teacher: Array, labels: NDArray[np.int64]) -> Array:
    """One class against the others as logits of two, and the others alone."""
    rows, others = np.arange(len(labels)), np.ones(student.shape, bool)
    others[rows, labels] = False
    pairs, rests = [], []
    for logits in (teacher, student):
        rest = logits[others].reshape(len(logits), -1)
        pairs.append(np.stack([logits[rows, labels], np.logaddexp.reduce(rest, 1)], 1))
        rests.append(rest)
    losses = [divergence(*map(log_softmax, sides)) for sides in (pairs, rests)]
    return losses[0] + 0.25 * losses[1]


def formulas(student: Array, teacher: Array, labels: NDArray[np.int64]) -> dict[str, float]:
    """The papers' formulas, in double precision and without any part of mmkd.

    The bound of EA-KD's interaction is the largest entropy over classes and background.
    """
    kd = divergence(log_softmax(teacher), log_softmax(student))
    dkd, er = decoupled(student, teacher, labels), entropies(teacher)
    ea = er / 2 * (1 + entropies(student) / np.log(tiny.CLASSES + 1))
    losses = dict(kd=kd, er=er * kd, ea=ea * kd, dkd=dkd, er_dkd=er * dkd)
    return {name: float(loss.mean()) for name, loss in losses.items()}


def sharpen(model: Distiller, heads: list[str]) -> None:
    """Make the classifiers' outputs differ, as those of trained ones do."""
    generator = torch.Generator().manual_seed(0)
    for network in (model.student, model.teachers["teacher"].network):
        for head in heads:
            weight = network.get_submodule(f"{head}.fc_cls").weight
            weight.data.normal_(std=3.0, generator=generator)


def mask_rcnn(depth: int) -> dict[str, Any]:
    return tiny.with_masks(tiny.faster_rcnn(depth), "mask-rcnn_r50_fpn")


def cascade_mask_rcnn(depth: int) -> dict[str, Any]:
    return tiny.with_masks(tiny.cascade_rcnn(depth), "cascade-mask-rcnn_r50_fpn")


def dynamic_rcnn(depth: int) -> dict[str, Any]:
    """RoIs are sampled by thresholds that follow the training."""
    model = tiny.faster_rcnn(depth)
    whole = Config.fromfile("mmdet::dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py").model
    model["roi_head"]["type"] = whole.roi_head.type
    model["roi_head"]["bbox_head"]["loss_bbox"] = whole.roi_head.bbox_head.loss_bbox.to_dict()
    model["train_cfg"]["rcnn"] = whole.train_cfg.rcnn.to_dict()
    return model


SINGLE = ["roi_head.bbox_head"]
STAGES = [f"roi_head.bbox_head.{stage}" for stage in range(3)]
DETECTORS: dict[str, tuple[Callable[[int], dict[str, Any]], list[str]]] = dict(
    faster_rcnn=(tiny.faster_rcnn, SINGLE),
    mask_rcnn=(mask_rcnn, SINGLE),
    cascade_rcnn=(tiny.cascade_rcnn, STAGES),
    cascade_mask_rcnn=(cascade_mask_rcnn, STAGES),
    dynamic_rcnn=(dynamic_rcnn, SINGLE),
)


def distiller(detector: str) -> Distiller:
    build, heads = DETECTORS[detector]
    torch.manual_seed(0)
    terms = {f"{name}{i}": t for i, head in enumerate(heads) for name, t in terms_of(head).items()}
    model = tiny.distiller(
        student=build(18),
        teacher=dict(model=build(50)),
        logits=f"{heads[0]}.fc_cls",
        terms=terms,
    )
    sharpen(model, heads)
    return model


def images(boxes: list[int]) -> dict[str, Any]:
    shapes = [[3, 64, 96], [3, 80, 64]]
    return tiny.demo_mm_inputs(2, shapes, num_items=boxes, num_classes=tiny.CLASSES, with_mask=True)


def double(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()


@pytest.mark.parametrize("boxes", [[0, 4], [0, 0]], ids=str)
@pytest.mark.parametrize("detector", ["faster_rcnn", "cascade_rcnn"])
def test_losses_are_the_papers_formulas(detector: str, boxes: list[int]) -> None:
    model = distiller(detector)
    steps: list[Step] = []
    model.observe(steps.append)
    model(**model.data_preprocessor(images(boxes), True), mode="loss")
    [step] = steps
    for stage, head in enumerate(DETECTORS[detector][1]):
        logits, labels = Tap.parse(f"{head}.fc_cls"), Tap.parse(f"{head}.loss_cls:input[1]")
        student, teacher = (double(step.features[name][logits]) for name in ("student", "teacher"))
        assert student.shape[1] == tiny.CLASSES + 1
        classes = step.features["student"][labels].numpy()
        assert (classes == tiny.CLASSES).any(), "some are background"
        assert (classes < tiny.CLASSES).any() == (sum(boxes) > 0)
        for name, expected in formulas(student, teacher, classes).items():
            found = step.losses[f"loss_{name}{stage}"].item()
            assert found == pytest.approx(expected, abs=1e-6, rel=1e-6)
            assert expected > 0.01, "large enough to tell formulas apart"


@pytest.mark.parametrize("detector", DETECTORS)
def test_each_detector_trains_with_all_terms(detector: str) -> None:
    model = distiller(detector)
    model.train()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-4))
    for boxes in ([2, 3], [1, 0]):
        before = {name: value.clone() for name, value in model.named_parameters()}
        logged = model.train_step(images(boxes), wrapper)
        assert all(value.isfinite() for value in logged.values())
        assert all(logged[f"loss_{name}"] > 0 for name in model.terms)
        moved = [name for name, value in model.named_parameters() if (value != before[name]).any()]
        parts = {"backbone", "neck", "rpn_head", "roi_head"}
        assert {name.split(".")[1] for name in moved} == parts


@pytest.mark.parametrize("term", TERMS)
def test_each_term_alone_reaches_the_students_backbone(term: str) -> None:
    torch.manual_seed(0)
    model = tiny.distiller(terms={term: terms_of(SINGLE[0])[term]}, student_loss_weight=0.0)
    sharpen(model, SINGLE)
    losses = model(**model.data_preprocessor(images([2, 3]), True), mode="loss")
    losses[f"loss_{term}"].backward()
    assert model.student.backbone.conv1.weight.grad.count_nonzero() > 0


def test_a_batch_without_rois_has_zero_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """mmdet then skips the loss that would see the labels."""
    model = distiller("faster_rcnn")
    sampler = model.student.roi_head.bbox_sampler
    sample = sampler.sample

    def sample_none(*arguments: Any, **named: Any) -> Any:
        found = sample(*arguments, **named)
        found.neg_priors = found.neg_priors[:0]
        return found

    monkeypatch.setattr(sampler, "sample", sample_none)
    losses = model(**model.data_preprocessor(images([0, 0]), True), mode="loss")
    for name in TERMS:
        assert losses[f"loss_{name}0"] == 0
        losses[f"loss_{name}0"].backward(retain_graph=True)


def test_labels_that_no_loss_sees_though_there_are_rois_are_told() -> None:
    labels = "roi_head.bbox_head.loss_bbox:input[1]"  # which runs for objects only
    model = tiny.distiller(terms=dict(dkd={**DKD, "labels": labels}))
    with pytest.raises(RuntimeError, match=r"loss_bbox:input\[1\]', have no tensor"):
        model(**model.data_preprocessor(images([0, 0]), True), mode="loss")
