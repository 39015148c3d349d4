"""Classes and boxes of paired queries."""

import pytest
import torch
from mmdet.models.losses import GIoULoss, L1Loss
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from mmkd.losses import BinaryKDLoss, QueryKDLoss

CLASSES = dict(type="mmkd.BinaryKDLoss", temperature=1.0)


def test_it_adds_up_the_losses_of_detr_with_the_teacher_as_target():
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 5, 3, dtype=torch.float64)
    boxes = tuple(0.2 + 0.2 * torch.rand(2, 5, 4, dtype=torch.float64))
    weight = torch.rand(5, dtype=torch.float64)
    loss = QueryKDLoss(CLASSES, box_weight=3.0, iou_weight=0.5, loss_weight=2.0)
    found = loss(student, teacher, weight=weight, avg_factor=4.0, boxes=boxes)
    corners = [bbox_cxcywh_to_xyxy(each) for each in boxes]
    expected = BinaryKDLoss(temperature=1.0)(student, teacher, weight=weight, avg_factor=4.0)
    expected = expected + 3 * L1Loss()(*boxes, weight=weight[:, None], avg_factor=4.0)
    expected = expected + 0.5 * GIoULoss(eps=1e-6)(*corners, weight=weight, avg_factor=4.0)
    torch.testing.assert_close(found, 2 * expected)
    assert loss(student, student, boxes=(boxes[0], boxes[0])).abs() < 1e-12


def test_it_has_the_activation_of_its_loss_on_classes():
    assert QueryKDLoss(CLASSES).activation == "sigmoid"
    assert QueryKDLoss(dict(type="mmkd.KDLoss")).activation == "softmax"
    assert QueryKDLoss(dict(type="mmkd.DKDLoss")).needs_labels


def test_losses_between_queries_and_missing_boxes_are_refused():
    with pytest.raises(ValueError, match="RKDLoss compares queries with each other"):
        QueryKDLoss(dict(type="mmkd.RKDLoss"))
    with pytest.raises(ValueError, match="needs the boxes of the queries"):
        QueryKDLoss(CLASSES)(torch.rand(2, 3), torch.rand(2, 3))
