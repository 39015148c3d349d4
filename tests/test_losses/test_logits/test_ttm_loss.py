import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from mmkd.losses import TTMLoss
from mmkd.weights import PowerSumWeight

STUDENT = torch.tensor(
    [[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5], [-0.4, 0.1, 0.9, 1.1]], dtype=torch.float64
)
TEACHER = torch.tensor(
    [[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1], [0, 0.2, 2.5, 2.4]], dtype=torch.float64
)


def test_the_target_is_a_power_of_the_teachers_probabilities():
    power = TEACHER.softmax(-1) ** 0.2
    target = power / power.sum(-1, keepdim=True)
    expected = cross_entropy(STUDENT, target) + (target * target.log()).sum(-1).mean()
    assert TTMLoss(gamma=0.2)(STUDENT, TEACHER).item() == pytest.approx(expected.item())


def test_the_weight_of_wttm_is_the_power_sum():
    weight = PowerSumWeight(gamma=0.2)(STUDENT, TEACHER)
    torch.testing.assert_close(weight, (TEACHER.softmax(-1) ** 0.2).sum(-1))


def test_the_weight_runs_from_one_to_that_of_a_uniform_teacher():
    teacher = torch.tensor([[1e4, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    weight = PowerSumWeight(gamma=0.25)(teacher, teacher)
    assert weight.tolist() == pytest.approx([1.0, 4**0.75])


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_extremes_give_finite_values_and_gradients(scale):
    student = (STUDENT.sign().float() * scale).requires_grad_()
    value = TTMLoss()(student, -student.detach())
    value.backward()
    assert math.isfinite(value.item())
    assert student.grad.isfinite().all()


def test_wrong_arguments_are_refused_in_words():
    with pytest.raises(ValueError, match="gamma"):
        TTMLoss(gamma=0.0)
    with pytest.raises(ValueError, match="gamma"):
        PowerSumWeight(gamma=1.5)
