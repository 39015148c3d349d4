"""Overlaps of boxes at the same prior."""

import pytest
import torch
from mmdet.models.losses import GIoULoss
from mmdet.models.task_modules.coders import (
    DeltaXYWHBBoxCoder,
    DistancePointBBoxCoder,
    YOLOBBoxCoder,
)
from torch import nn

from mmkd.losses import BoxIoULoss
from mmkd.teachers import Teacher


class Detector(nn.Module):
    def __init__(self, coder):
        super().__init__()
        self.bbox_head = nn.Linear(1, 1)
        self.bbox_head.bbox_coder = coder


def loss_for(coder):
    loss, network = BoxIoULoss(), Detector(coder)
    loss.attach(network, Teacher(network))
    return loss


@pytest.mark.parametrize(
    ("coder", "width"),
    [(DeltaXYWHBBoxCoder(target_stds=[0.1, 0.1, 0.2, 0.2]), 4), (DistancePointBBoxCoder(), 2)],
)
def test_it_is_the_giou_of_boxes_decoded_from_their_priors_wherever_they_are(coder, width):
    torch.manual_seed(0)
    student, teacher = (4 * torch.rand(6, 4, dtype=torch.float64) for _ in range(2))
    priors = 100 * torch.rand(6, width, dtype=torch.float64)
    if width == 4:
        priors[:, 2:] += priors[:, :2]
    weight = torch.rand(6, dtype=torch.float64)
    boxes = [coder.decode(priors, deltas) for deltas in (student, teacher)]
    expected = GIoULoss(eps=1e-6)(*boxes, weight=weight)
    found = loss_for(coder)(student, teacher, weight=weight)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(loss_for(coder)(student, student), found * 0, rtol=0, atol=1e-12)


def test_coders_that_need_their_priors_and_other_shapes_are_refused():
    for coder in (YOLOBBoxCoder(), DeltaXYWHBBoxCoder(add_ctr_clamp=True)):
        with pytest.raises(ValueError, match="overlaps do not depend on the priors"):
            loss_for(coder)
    with pytest.raises(ValueError, match="has none"):
        loss_for(None)
    with pytest.raises(ValueError, match=r"not \(7, 68\): .* take mmkd.LDLoss"):
        BoxIoULoss().adapt([(7, 68)], [(7, 4)])
    with pytest.raises(ValueError, match="no coder of boxes yet"):
        BoxIoULoss()(torch.rand(2, 4), torch.rand(2, 4))
