"""Refined logits, against numpy."""

import numpy as np
import pytest
import torch
from logit_cases import LABELS, STUDENT, TEACHER, kl, softmax

from mmkd.losses import RLDLoss


def each(loss, student=STUDENT, teacher=TEACHER, labels=LABELS):
    return loss(student, teacher, labels=labels, reduction_override="none")


def rld(student, teacher, label, alpha, beta, temperature, confidence_temperature) -> float:
    """Return the loss of one sample, by the formula."""
    at = confidence_temperature or temperature
    most, own = softmax(teacher / at).max(), softmax(student / at)[label]
    sure = at**2 * kl(np.array([most, 1 - most]), np.array([own, 1 - own]))
    kept = teacher < teacher[label]
    related = 0.0
    if kept.any():
        p, q = (softmax(z[kept] / temperature) for z in (teacher, student))
        related = temperature**2 * kl(p, q)
    return alpha * sure + beta * related


@pytest.mark.parametrize(
    "settings", [(1.0, 8.0, 4.0, 1.0), (0.5, 2.0, 3.0, None), (0.0, 1.0, 1.0, 1.0)]
)
def test_each_samples_loss_is_the_formulas(settings):
    samples = zip(STUDENT.numpy(), TEACHER.numpy(), LABELS.tolist(), strict=True)
    expected = [rld(*sample, *settings) for sample in samples]
    np.testing.assert_allclose(each(RLDLoss(*settings)).numpy(), expected, rtol=1e-10)


def test_the_mistakes_of_a_wrong_teacher_are_left_out():
    """The student's logits of classes above the true one change nothing among the others."""
    teacher = torch.tensor([[3.0, 2.0, 1.0, 0.0]], dtype=torch.float64)
    student = torch.tensor([[0.5, -1.0, 2.0, 0.3]], dtype=torch.float64)
    labels, alone = torch.tensor([1]), RLDLoss(alpha=0.0)
    moved = student.clone()
    moved[0, :2] += torch.tensor([7.0, -5.0])
    torch.testing.assert_close(
        each(alone, moved, teacher, labels), each(alone, student, teacher, labels)
    )
    moved[0, 2] += 1
    assert each(alone, moved, teacher, labels) != each(alone, student, teacher, labels)


def test_a_teacher_that_ranks_the_true_class_last_teaches_no_relations():
    teacher = torch.tensor([[3.0, 2.0, 1.0, 0.0]], dtype=torch.float64)
    student = torch.randn(1, 4, dtype=torch.float64, requires_grad=True)
    value = each(RLDLoss(alpha=0.0), student, teacher, torch.tensor([3]))
    value.sum().backward()
    assert value.item() == pytest.approx(0, abs=1e-12)
    assert student.grad.abs().max() < 1e-12


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_gradients(scale):
    student = (STUDENT.float().sign() * scale).requires_grad_()
    value = RLDLoss()(student, -student.detach(), labels=LABELS)
    value.backward()
    assert value.isfinite()
    assert student.grad.isfinite().all()


def test_a_temperature_for_each_sample():
    flsw = dict(type="mmkd.FLSWTemperature")
    found = each(RLDLoss(temperature=flsw))
    for i, at in enumerate(RLDLoss(temperature=flsw).temperature(STUDENT, TEACHER).tolist()):
        one = slice(i, i + 1)
        expected = each(RLDLoss(temperature=at), STUDENT[one], TEACHER[one], LABELS[one])
        torch.testing.assert_close(found[one], expected)


def test_a_wrong_temperature_is_refused():
    with pytest.raises(ValueError, match="confidence_temperature must be positive"):
        RLDLoss(confidence_temperature=0.0)
