"""Distillation on RoIs of unusual images: finite losses, nothing left out."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tiny_detectors as tiny
import torch
from mmdet.datasets import CocoDataset
from mmengine.dataset import pseudo_collate
from mmengine.logging import MessageHub
from torch import Tensor

from mmkd.distillers import Distiller
from mmkd.losses import DKDLoss, KDLoss
from mmkd.networks.taps import Tap
from mmkd.weights import EntropyWeight

FC = Tap.parse(tiny.FC)
ROIS = Tap.parse("roi_head.bbox_roi_extractor:input[1]")
LABELS = "roi_head.bbox_head.loss_cls:input[1]"
CLASSES = tiny.CLASSES
ER = dict(
    er=dict(
        loss=dict(type="mmkd.KDLoss", temperature=1.0),
        sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0),
    )
)
PREPROCESSOR = dict(
    type="DetDataPreprocessor",
    mean=[123.0] * 3,
    std=[58.0] * 3,
    bgr_to_rgb=True,
    pad_size_divisor=32,
)


def rois_of(model: Distiller, data: dict[str, Any]) -> Tensor:
    """The RoIs of a step, on each of which both networks were compared."""
    done = tiny.step(model, data)
    rois = done.features["student"][ROIS]
    assert len(done.student_logits) == len(done.teacher_logits["teacher"]) == len(rois)
    return rois


def mask_rcnn(depth: int) -> dict[str, Any]:
    return tiny.with_masks(tiny.faster_rcnn(depth), "mask-rcnn_r50_fpn")


def coarse() -> dict[str, Any]:
    """A teacher with four levels from stride 8 on, where the student has five from stride 4 on."""
    model = tiny.two_stage()
    model["neck"].update(start_level=1, num_outs=4)
    model["rpn_head"]["anchor_generator"]["strides"] = [8, 16, 32, 64]
    model["roi_head"]["bbox_roi_extractor"]["featmap_strides"] = [8, 16, 32]
    return model


@pytest.mark.parametrize("boxes", [[0, 3], [0, 0]])
def test_images_without_boxes(boxes: list[int]) -> None:
    rois = rois_of(tiny.distiller(), tiny.batch(boxes))
    assert set(rois[:, 0].tolist()) == {0, 1}, "they have RoIs, of background"


def test_without_any_roi_the_term_is_zero() -> None:
    student = tiny.faster_rcnn()
    student["train_cfg"]["rpn_proposal"]["min_bbox_size"] = 10**6
    model = tiny.distiller(student=student)
    assert len(rois_of(model, tiny.batch([0, 0]))) == 0
    assert tiny.step(model, tiny.batch([0, 0])).losses["loss_er"] == 0


def test_where_all_rois_are_background_all_are_compared() -> None:
    """Zero positives: no proposal overlaps a box by so much, and the boxes are no proposals."""
    student = tiny.faster_rcnn()
    rcnn = student["train_cfg"]["rcnn"]
    rcnn["assigner"].update(pos_iou_thr=1.0, neg_iou_thr=1.0, min_pos_iou=1.0)
    rcnn["sampler"].update(add_gt_as_proposals=False)
    dkd = dict(loss=dict(type="mmkd.DKDLoss", temperature=1.0), labels=LABELS)
    model = tiny.distiller(student=student, terms=dict(dkd=dkd, **ER))
    done = tiny.step(model)
    labels = done.features["student"][Tap.parse(LABELS)]
    assert (labels == CLASSES).all()
    assert len(labels) == len(done.student_logits) == len(done.terms["er"].weight[0]) > 0
    given = done.student_logits, done.teacher_logits["teacher"]
    torch.testing.assert_close(
        done.losses["loss_dkd"], DKDLoss(temperature=1.0)(*given, labels=labels)
    )
    weight = EntropyWeight(4.0)(*given)
    expected = KDLoss(temperature=1.0)(*given, weight=weight)
    torch.testing.assert_close(done.losses["loss_er"], expected)


def test_boxes_of_a_pixel() -> None:
    data = tiny.batch()
    for sample in data["data_samples"]:
        boxes = sample.gt_instances.bboxes
        boxes[:, 2:] = boxes[:, :2] + 1
    rois_of(tiny.distiller(), data)


def test_crowds_and_ignored_regions(tmp_path: Path) -> None:
    """A crowd in COCO's labels is no object; where the student ignores it, it is not compared."""
    images = [dict(id=i, file_name=f"{i}.png", width=96, height=64) for i in (1, 2)]
    boxes = [(1, [60, 10, 30, 40], 0), (1, [0, 0, 40, 64], 1), (2, [0, 0, 40, 64], 1)]
    labelled = [
        dict(id=i, image_id=image, bbox=box, area=box[2] * box[3], category_id=1, iscrowd=crowd)
        for i, (image, box, crowd) in enumerate(boxes)
    ]
    categories = [dict(id=1, name="thing")]
    content = dict(images=images, annotations=labelled, categories=categories)
    (tmp_path / "labels.json").write_text(json.dumps(content))
    for image in images:
        cv2.imwrite(str(tmp_path / image["file_name"]), np.full((64, 96, 3), 99, np.uint8))
    dataset = CocoDataset(
        ann_file=str(tmp_path / "labels.json"),
        data_prefix=dict(img=str(tmp_path)),
        metainfo=dict(classes=("thing",)),
        pipeline=[
            dict(type="mmdet.LoadImageFromFile"),
            dict(type="mmdet.LoadAnnotations", with_bbox=True),
            dict(type="mmdet.PackDetInputs"),
        ],
    )
    data = pseudo_collate([dataset[0], dataset[1]])
    assert [len(sample.gt_instances) for sample in data["data_samples"]] == [1, 0]
    assert [len(sample.ignored_instances) for sample in data["data_samples"]] == [1, 1]
    for threshold, inside in ((-1, True), (0.5, False)):
        student = tiny.faster_rcnn()
        student["train_cfg"]["rcnn"]["assigner"]["ignore_iof_thr"] = threshold
        rois = rois_of(tiny.distiller(student=student), data)
        assert set(rois[:, 0].tolist()) == {0, 1}
        boxes_of_first = rois[rois[:, 0] == 0, 1:]
        widths = boxes_of_first[:, 2] - boxes_of_first[:, 0]
        in_crowd = (boxes_of_first[:, 2].clamp(max=40) - boxes_of_first[:, 0]) / widths
        assert bool((in_crowd > 0.51).any()) == inside


def test_images_that_change_their_size_together() -> None:
    resize = dict(
        type="BatchSyncRandomResize", random_size_range=(64, 160), size_divisor=32, interval=1
    )
    preprocessor = PREPROCESSOR | dict(batch_augments=[resize])
    model = tiny.distiller(
        student=tiny.faster_rcnn(data_preprocessor=preprocessor),
        teacher=dict(model=tiny.two_stage(data_preprocessor=PREPROCESSOR | dict(mean=[9.0] * 3))),
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


def test_a_teacher_in_bfloat16_gives_about_the_same() -> None:
    network, losses = tiny.two_stage(), []
    for dtype in (None, "bfloat16"):
        torch.manual_seed(0)
        losses.append(tiny.step(tiny.distiller(teacher=dict(model=network, dtype=dtype))))
    first, second = (done.losses["loss_er"] for done in losses)
    torch.testing.assert_close(first, second, rtol=0.1, atol=0)
    assert losses[1].teacher_logits["teacher"].dtype == torch.bfloat16


def test_a_teacher_with_other_levels_and_strides() -> None:
    rois_of(tiny.distiller(teacher=dict(model=coarse())), tiny.batch())


def features(taps: str | list[str], teacher_taps: str | list[str]) -> Distiller:
    hint = dict(student=taps, teacher=teacher_taps, loss=dict(type="mmkd.HintLoss"))
    return tiny.distiller(teacher=dict(model=coarse()), terms=dict(hint=hint))


def test_features_of_the_same_stride_are_compared_as_they_are() -> None:
    model = features(["neck[1]", "neck[2]"], ["neck[0]", "neck[1]"])
    done = tiny.step(model)
    torch.testing.assert_close(done.losses["loss_hint"], tiny.hint_of(model, done))
    assert not [*model.terms.parameters()]


def test_features_of_another_stride_are_resized_by_the_connector() -> None:
    """Finer ones are averaged down; the batch's size is not that of the dry run."""
    model = features("neck[0]", "neck[0]")
    done = tiny.step(model)
    student, teacher = (done.features[n][Tap.parse("neck[0]")] for n in ("student", "teacher"))
    assert student.shape[2] == 2 * teacher.shape[2]
    torch.testing.assert_close(done.losses["loss_hint"], tiny.hint_of(model, done))


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        ("neck[:]", r"taps 5 tensors of the student .* and 4 of the teacher .* must be pairs"),
        ("neck[4]", r"neck\[4\] names item 4 of 4: it has no such item"),
    ],
)
def test_levels_that_the_teacher_lacks_are_refused(taps: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        features(taps, taps)


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
    model = tiny.distiller(student=mask_rcnn(18), teacher=dict(model=tiny.two_stage()))
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
    done = tiny.step(model, tiny.batch(boxes))
    for stage, head in enumerate(heads):
        rois = done.features["student"][Tap.parse(f"roi_head.bbox_roi_extractor.{stage}:input[1]")]
        given = [done.features[network][Tap.parse(head)] for network in ("student", "teacher")]
        assert len(given[1]) == len(rois) > 0
        expected = KDLoss(temperature=1.0)(*given)
        torch.testing.assert_close(done.losses[f"loss_s{stage}"], expected)


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
    done = tiny.step(model)
    for stage, head in enumerate(heads):
        student, teacher = (done.features[n][Tap.parse(head)] for n in ("student", "teacher"))
        weight = EntropyWeight(4.0)(student, teacher)
        expected = KDLoss(temperature=1.0)(student, teacher, weight=weight)
        torch.testing.assert_close(done.losses[f"loss_s{stage}"], expected)
