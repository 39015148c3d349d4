"""Normalized knowledge distillation, against numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmkd.losses import NKDLoss

generator = torch.Generator().manual_seed(0)
STUDENT, TEACHER = (
    2 * torch.randn(5, 7, generator=generator, dtype=torch.float64) for _ in range(2)
)
LABELS = torch.tensor([0, 3, 6, 3, 1])


def each(loss, student=STUDENT, teacher=TEACHER, labels=LABELS):
    return loss(student, teacher, labels=labels, reduction_override="none")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum()


def nkd(student, teacher, label, gamma, temperature) -> float:
    """Return the loss of one sample, by the formula."""
    target = -softmax(teacher)[label] * np.log(softmax(student)[label])
    p, q = (softmax(np.delete(z, label) / temperature) for z in (teacher, student))
    return target - gamma * temperature**2 * (p * np.log(q)).sum()


@pytest.mark.parametrize(("gamma", "temperature"), [(1.5, 1.0), (3.5, 3.0), (0.0, 2.0)])
def test_each_samples_loss_is_the_formulas(gamma, temperature):
    samples = zip(STUDENT.numpy(), TEACHER.numpy(), LABELS.tolist(), strict=True)
    expected = [nkd(*sample, gamma, temperature) for sample in samples]
    found = each(NKDLoss(gamma, temperature))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    mean = NKDLoss(gamma, temperature, loss_weight=2.0)(STUDENT, TEACHER, labels=LABELS)
    assert mean.item() == pytest.approx(2 * np.mean(expected))


def test_the_defaults_are_the_released_ones():
    torch.testing.assert_close(each(NKDLoss()), each(NKDLoss(gamma=1.5, temperature=1.0)))


@settings(deadline=None, max_examples=25)
@given(
    classes=st.integers(2, 12),
    temperature=st.floats(0.5, 8.0),
    shift=st.floats(-50, 50),
    seed=st.integers(0, 99),
)
def test_shifts_of_the_logits_change_nothing(classes, temperature, shift, seed):
    torch.manual_seed(seed)
    student, teacher = torch.randn(2, 3, classes, dtype=torch.float64)
    labels, loss = torch.randint(0, classes, (3,)), NKDLoss(temperature=temperature)
    shifted = each(loss, student + shift, teacher - shift, labels)
    torch.testing.assert_close(shifted, each(loss, student, teacher, labels))


def test_the_non_target_part_has_its_minimum_where_the_others_agree():
    """Whatever the label's own logits are."""
    student = TEACHER.clone()
    student[range(5), LABELS] += 3
    student.requires_grad_()
    others = each(NKDLoss(gamma=1.0, temperature=2.0), student) - each(NKDLoss(0.0), student)
    others.sum().backward()
    assert student.grad.abs().max() < 1e-12
    assert (others > 0).all()


def test_the_target_part_is_weighed_by_the_teachers_confidence():
    sure = TEACHER.clone()
    sure[range(5), LABELS] = 50.0
    expected = torch.nn.functional.cross_entropy(STUDENT, LABELS, reduction="none")
    torch.testing.assert_close(each(NKDLoss(0.0), teacher=sure), expected)


def test_two_classes_have_no_others():
    labels = torch.tensor([0, 1, 0, 1, 1])
    pair = STUDENT[:, :2], TEACHER[:, :2]
    torch.testing.assert_close(
        each(NKDLoss(9.0, 4.0), *pair, labels), each(NKDLoss(0.0), *pair, labels)
    )


def test_a_temperature_for_each_sample():
    flsw = dict(type="mmkd.FLSWTemperature")
    found = each(NKDLoss(temperature=flsw))
    temperatures = NKDLoss(temperature=flsw).temperature(STUDENT, TEACHER)
    assert temperatures.unique().numel() == 5
    for i, temperature in enumerate(temperatures.tolist()):
        one = slice(i, i + 1)
        expected = each(NKDLoss(temperature=temperature), STUDENT[one], TEACHER[one], LABELS[one])
        torch.testing.assert_close(found[one], expected)


@pytest.mark.parametrize("classes", [2, 3, 100])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_gradients(classes, samples, scale):
    signs = torch.randint(0, 2, (2, samples, classes), generator=generator) * 2.0 - 1
    labels = torch.randint(0, classes, (samples,), generator=generator)
    student, teacher = (signs[0] * scale).requires_grad_(), (signs[1] * scale).requires_grad_()
    value = NKDLoss(temperature=2.0)(student, teacher, labels=labels)
    value.backward()
    assert value.isfinite()
    assert value >= 0
    assert student.grad.isfinite().all()
    assert teacher.grad is None


def test_samples_are_weighed():
    weight = torch.tensor([0.0, 1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    value = NKDLoss()(STUDENT, TEACHER, labels=LABELS, weight=weight)
    torch.testing.assert_close(value, (weight * each(NKDLoss())).mean())


def test_labels_are_needed():
    with pytest.raises(ValueError, match="NKDLoss needs labels"):
        NKDLoss()(STUDENT, TEACHER)
