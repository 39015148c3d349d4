import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from mmkd.losses import BinaryKDLoss, KDLoss, QualityFocalKDLoss

STUDENT = torch.tensor([[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5]], dtype=torch.float64)
TEACHER = torch.tensor([[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1]], dtype=torch.float64)


def by_numpy(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> np.ndarray:
    p, q = (1 / (1 + np.exp(-z.numpy() / temperature)) for z in (teacher, student))
    divergence = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    return temperature**2 * divergence.sum(1)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
def test_values_of_numpy(temperature):
    loss = BinaryKDLoss(temperature=temperature)
    values = loss(STUDENT, TEACHER, reduction_override="none")
    assert values.tolist() == pytest.approx(by_numpy(STUDENT, TEACHER, temperature).tolist())
    weight = torch.tensor([2.0, 0.5], dtype=torch.float64)
    assert loss(STUDENT, TEACHER, weight=weight) == pytest.approx((values * weight).mean().item())


@pytest.mark.parametrize("kind", [BinaryKDLoss, QualityFocalKDLoss])
def test_a_mean_over_classes_in_place_of_their_sum(kind):
    total, mean = (kind(class_mean=mean)(STUDENT, TEACHER) for mean in (False, True))
    torch.testing.assert_close(mean, total / 4)


def test_it_is_cross_entropy_but_for_the_teachers_entropy():
    student = STUDENT.clone().requires_grad_()
    BinaryKDLoss(temperature=1.0, reduction="sum")(student, TEACHER).backward()
    other = STUDENT.clone().requires_grad_()
    binary_cross_entropy_with_logits(other, TEACHER.sigmoid(), reduction="sum").backward()
    torch.testing.assert_close(student.grad, other.grad)


def test_one_class_is_a_softmax_over_it_and_none():
    student, teacher = STUDENT[:, :1], TEACHER[:, :1]
    pair = [torch.cat([z, torch.zeros_like(z)], dim=1) for z in (student, teacher)]
    torch.testing.assert_close(BinaryKDLoss()(student, teacher), KDLoss()(*pair))


@given(st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4), st.floats(0.5, 8))
def test_it_is_finite_not_negative_and_zero_for_equal_networks(values, temperature):
    student = torch.tensor([values[:2]], requires_grad=True)
    loss = BinaryKDLoss(temperature=temperature)
    found = loss(student, torch.tensor([values[2:]]))
    found.backward()
    assert found >= -1e-3 * temperature**2
    assert found.isfinite()
    assert student.grad.isfinite().all()
    assert loss(student, student.detach()) == 0


def test_no_samples_give_zero_with_a_graph():
    student = torch.zeros(0, 3, requires_grad=True)
    loss = BinaryKDLoss()(student, torch.zeros(0, 3))
    loss.backward()
    assert loss == 0


def test_a_temperature_of_each_sample():
    temperature = dict(type="mmkd.FLSWTemperature")
    values = BinaryKDLoss(temperature=temperature)(STUDENT, TEACHER, reduction_override="none")
    assert values.shape == (2,)
    assert values.isfinite().all()


@pytest.mark.parametrize(
    "softmax",
    [
        dict(target=dict(type="mmkd.ProbabilityShift")),
        dict(student_transforms=[dict(type="mmkd.SolvedEntropyController")]),
    ],
)
def test_what_adjusts_a_softmax_is_refused(softmax):
    with pytest.raises(ValueError, match="adjust a softmax"):
        BinaryKDLoss(**softmax)
