"""Quality focal loss with a teacher's targets."""

import pytest
import torch
from mmdet.models.losses import QualityFocalLoss

from mmkd.losses import QualityFocalKDLoss


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_one_class_has_the_loss_of_mmdet_with_the_teachers_probability_as_quality(beta):
    torch.manual_seed(0)
    student = torch.randn(5, 1, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(5, 1, dtype=torch.float64)
    other = student.detach().clone().requires_grad_()
    labels = torch.zeros(5, dtype=torch.long)
    theirs = QualityFocalLoss(beta=beta)(other, (labels, teacher[:, 0].sigmoid()))
    found = QualityFocalKDLoss(beta=beta)(student, teacher)
    torch.testing.assert_close(found, theirs)
    found.backward()
    theirs.backward()
    torch.testing.assert_close(student.grad, other.grad)


def test_equal_networks_have_no_loss_and_a_finite_gradient():
    logits = torch.tensor([[2.0, -1e4], [0.0, 1e4]], requires_grad=True)
    loss = QualityFocalKDLoss()(logits, logits.detach())
    loss.backward()
    assert loss == 0
    assert logits.grad.isfinite().all()


def test_a_beta_below_1_is_refused():
    with pytest.raises(ValueError, match="beta is at least 1"):
        QualityFocalKDLoss(beta=0.5)
