"""Distillation on RoIs of whatever images a detector meets: finite losses, nothing left out."""

from typing import Any

import pytest
import tiny_detectors as tiny
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.structures import InstanceData
from torch import Tensor

from mmkd.distillers import Distiller, Step
from mmkd.losses import KDLoss
from mmkd.taps import Tap
from mmkd.weights import EntropyWeight

FC = Tap.parse(tiny.FC)
ROIS = Tap.parse("roi_head.bbox_roi_extractor:input[1]")
CLASSES = tiny.CLASSES
PREPROCESSOR = dict(
    type="DetDataPreprocessor",
    mean=[123.0] * 3,
    std=[58.0] * 3,
    bgr_to_rgb=True,
    pad_size_divisor=32,
)


def step(model: Distiller, data: dict[str, Any] | None = None) -> Step:
    """Take one step of training, and check what must hold on any images."""
    steps: list[Step] = []
    handle = model.observe(steps.append)
    losses = model(**model.data_preprocessor(data or tiny.batch(), True), mode="loss")
    handle.remove()
    total, named = model.parse_losses(losses)
    assert all(value.isfinite() for name, value in named.items() if "loss" in name)
    model.zero_grad()
    total.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name} has no gradient: DDP would wait for it"
            assert parameter.grad.isfinite().all(), name
    return steps[0]


def rois_of(model: Distiller, data: dict[str, Any]) -> Tensor:
    """The RoIs of a step, on each of which both networks were compared."""
    done = step(model, data)
    rois = done.features["student"][ROIS]
    assert len(done.student_logits) == len(done.teacher_logits["teacher"]) == len(rois)
    return rois


def two_stage(classes: int = CLASSES, **overrides: Any) -> dict[str, Any]:
    model = tiny.faster_rcnn(50, **overrides)
    model["roi_head"]["bbox_head"]["num_classes"] = classes
    return model


def mask_rcnn(depth: int) -> dict[str, Any]:
    """Config of a Mask R-CNN around the parts of the tiny Faster R-CNN."""
    model = tiny.faster_rcnn(depth)
    whole = Config.fromfile("mmdet::_base_/models/mask-rcnn_r50_fpn.py").model.to_dict()
    extractor, head = (whole["roi_head"][part] for part in ("mask_roi_extractor", "mask_head"))
    extractor.update(out_channels=16)
    head.update(in_channels=16, conv_out_channels=16, num_classes=CLASSES)
    model["roi_head"].update(mask_roi_extractor=extractor, mask_head=head)
    return model | dict(type="MaskRCNN", train_cfg=whole["train_cfg"], test_cfg=whole["test_cfg"])


@pytest.mark.parametrize("boxes", [[0, 3], [0, 0]])
def test_images_without_boxes(boxes: list[int]) -> None:
    rois = rois_of(tiny.distiller(), tiny.batch(boxes))
    assert set(rois[:, 0].tolist()) == {0, 1}, "they have RoIs, of background"


def test_without_any_roi_the_term_is_zero() -> None:
    student = tiny.faster_rcnn()
    student["train_cfg"]["rpn_proposal"]["min_bbox_size"] = 10**6
    model = tiny.distiller(student=student)
    assert len(rois_of(model, tiny.batch([0, 0]))) == 0
    assert step(model, tiny.batch([0, 0])).losses["loss_er"] == 0


def test_boxes_of_a_pixel() -> None:
    data = tiny.batch()
    for sample in data["data_samples"]:
        boxes = sample.gt_instances.bboxes
        boxes[:, 2:] = boxes[:, :2] + 1
    rois_of(tiny.distiller(), data)


def test_where_the_student_ignores_a_region_it_is_not_compared() -> None:
    """Crowds are ignored as regions: proposals that lie in them are no samples."""
    student = tiny.faster_rcnn()
    student["train_cfg"]["rcnn"]["assigner"]["ignore_iof_thr"] = 0.5
    left = torch.tensor([[0.0, 0.0, 40.0, 80.0]])
    for ignored, expected in ((left, True), (left + 500, False)):
        data = tiny.batch()
        for sample in data["data_samples"]:
            sample.gt_instances.bboxes[:, ::2] = torch.tensor([48.0, 60.0])
            sample.ignored_instances = InstanceData(bboxes=ignored)
        boxes = rois_of(tiny.distiller(student=student), data)[:, 1:]
        inside = (boxes[:, 2].clamp(max=40) - boxes[:, 0]) / (boxes[:, 2] - boxes[:, 0])
        assert bool((inside < 0.51).all()) == expected


def test_images_that_change_their_size_together() -> None:
    resize = dict(
        type="BatchSyncRandomResize", random_size_range=(64, 160), size_divisor=32, interval=1
    )
    preprocessor = PREPROCESSOR | dict(batch_augments=[resize])
    model = tiny.distiller(
        student=tiny.faster_rcnn(data_preprocessor=preprocessor),
        teacher=dict(model=two_stage(data_preprocessor=PREPROCESSOR | dict(mean=[9.0] * 3))),
    )
    sizes: dict[str, list[Any]] = dict(student=[], teacher=[])
    for name, network in (
        ("student", model.student),
        ("teacher", model.teachers["teacher"].network),
    ):
        network.backbone.register_forward_pre_hook(
            lambda _, given, name=name: sizes[name].append(tuple(given[0].shape))
        )
    MessageHub.get_current_instance().update_info("iter", 0)
    for _ in range(6):
        rois_of(model, tiny.batch())
    assert sizes["student"] == sizes["teacher"]
    assert len(set(sizes["student"])) > 1


def test_a_teacher_with_other_levels_and_strides() -> None:
    coarse = two_stage()
    coarse["neck"].update(start_level=1, num_outs=4)
    coarse["rpn_head"]["anchor_generator"]["strides"] = [8, 16, 32, 64]
    coarse["roi_head"]["bbox_roi_extractor"]["featmap_strides"] = [8, 16, 32]
    rois_of(tiny.distiller(teacher=dict(model=coarse)), tiny.batch())


def test_mask_rcnn_is_compared_on_its_boxes() -> None:
    model = tiny.distiller(student=mask_rcnn(18), teacher=dict(model=mask_rcnn(50)))
    masks: list[Any] = []
    head = model.teachers["teacher"].network.roi_head.mask_head
    head.register_forward_hook(lambda *call: masks.append(call))
    shapes = [[3, 64, 96], [3, 80, 64]]
    data = tiny.demo_mm_inputs(2, shapes, num_items=[2, 0], num_classes=CLASSES, with_mask=True)
    rois_of(model, data)
    assert not masks, "the teacher's masks are computed, but nothing is read of them"


def test_mask_rcnn_learns_from_faster_rcnn() -> None:
    model = tiny.distiller(student=mask_rcnn(18), teacher=dict(model=two_stage()))
    shapes = [[3, 64, 96], [3, 80, 64]]
    data = tiny.demo_mm_inputs(2, shapes, num_items=[2, 1], num_classes=CLASSES, with_mask=True)
    rois_of(model, data)


@pytest.mark.parametrize("boxes", [[2, 3], [0, 0]])
def test_every_stage_of_a_cascade(boxes: list[int]) -> None:
    heads = [f"roi_head.bbox_head.{stage}.fc_cls" for stage in range(3)]
    loss = dict(type="mmkd.KDLoss", temperature=1.0)
    terms = {f"s{i}": dict(student=h, teacher=h, loss=loss) for i, h in enumerate(heads)}
    model = tiny.distiller(
        student=tiny.cascade_rcnn(), teacher=dict(model=tiny.cascade_rcnn(50)), terms=terms
    )
    done = step(model, tiny.batch(boxes))
    for stage, head in enumerate(heads):
        rois = done.features["student"][Tap.parse(f"roi_head.bbox_roi_extractor.{stage}:input[1]")]
        assert len(done.features["teacher"][Tap.parse(head)]) == len(rois) > 0
        assert done.losses[f"loss_s{stage}"] > 0


def test_each_stage_of_a_cascade_has_its_own_weights() -> None:
    heads = [f"roi_head.bbox_head.{stage}.fc_cls" for stage in range(3)]
    er = dict(
        loss=dict(type="mmkd.KDLoss", temperature=1.0),
        sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0),
    )
    model = tiny.distiller(
        student=tiny.cascade_rcnn(),
        teacher=dict(model=tiny.cascade_rcnn(50)),
        logits=heads[0],
        terms={f"s{i}": dict(logits=head, **er) for i, head in enumerate(heads)},
    )
    done = step(model)
    for stage, head in enumerate(heads):
        student, teacher = (done.features[n][Tap.parse(head)] for n in ("student", "teacher"))
        weight = EntropyWeight(4.0)(student, teacher)
        expected = KDLoss(temperature=1.0)(student, teacher, weight=weight)
        torch.testing.assert_close(done.losses[f"loss_s{stage}"], expected)


@pytest.mark.parametrize("who", ["student", "teacher"])
def test_a_detector_without_rois_is_refused_in_words(who: str) -> None:
    dense = tiny.retinanet()
    networks = dict(student=dense) if who == "student" else dict(teacher=dict(model=dense))
    with pytest.raises(
        ValueError, match=r"RetinaNet has no module 'roi_head.* Its parts: .*bbox_head"
    ):
        tiny.distiller(**networks)


def test_a_teacher_of_other_classes_is_refused_with_both_counts() -> None:
    with pytest.raises(ValueError, match=r"student has 5 classes and the teacher 'teacher' has 7"):
        tiny.distiller(teacher=dict(model=two_stage(classes=6)))


def test_a_class_map_with_background() -> None:
    """The last logit is background's: 4 of the student's 5, and 6 of the teacher's 7."""
    shared = dict(student=[0, 2, 3, 4], teacher=[3, 1, 0, 6])
    class_map = dict(zip(*shared.values(), strict=True))
    teacher = dict(model=two_stage(classes=6), class_map=class_map)
    terms = dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0)))
    model = tiny.distiller(teacher=teacher, terms=terms)
    done = step(model)
    student, theirs = done.features["student"][FC], done.features["teacher"][FC]
    assert (student.shape[1], theirs.shape[1]) == (5, 7)
    expected = KDLoss(temperature=1.0)(student[:, shared["student"]], theirs[:, shared["teacher"]])
    torch.testing.assert_close(done.losses["loss_kd"], expected)


def test_what_a_teacher_of_other_classes_finds_is_in_the_students() -> None:
    network = two_stage(classes=6)
    network["test_cfg"]["rcnn"]["score_thr"] = 0.0
    model = tiny.distiller(teacher=dict(model=network, class_map={0: 3, 2: 1, 3: 0, 4: 6}))
    teacher = model.teachers["teacher"]
    data = model.data_preprocessor(tiny.batch(), False)
    theirs = [sample.pred_instances for sample in teacher.network(**data, mode="predict")]
    wanted = [[{3: 0, 1: 2, 0: 3}[k] for k in f.labels.tolist() if k in (0, 1, 3)] for f in theirs]
    found = teacher.predict(**model.data_preprocessor(tiny.batch(), False))
    assert [sample.pred_instances.labels.tolist() for sample in found] == wanted
    assert any(wanted)
