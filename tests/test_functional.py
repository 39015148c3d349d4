"""Losses and weights as functions of raw logits."""

import math

import pytest
import torch

import mmkd.losses
import mmkd.weights
from mmkd import functional
from mmkd.losses import LogitLoss

generator = torch.Generator().manual_seed(0)
STUDENT = torch.randn(6, 5, generator=generator, dtype=torch.float64)
TEACHER = 2 * torch.randn(6, 5, generator=generator, dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])
# Bases, which have no formula of their own.
BASES = {"LogitLoss", "PartlyRelationalLogitLoss", "RelationalLogitLoss"}


def test_each_loss_on_logits_has_a_function():
    kinds = [getattr(mmkd.losses, name) for name in mmkd.losses.__all__]
    losses = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, LogitLoss)]
    missing = []
    for kind in losses:
        functions = [vars(functional)[name] for name in functional.__all__]
        if kind.__name__ not in BASES and kind.__doc__ not in [f.__doc__ for f in functions]:
            missing.append(kind.__name__)
    assert not missing


def test_kd_is_the_tempered_divergence():
    p, q = (TEACHER / 4).softmax(1), (STUDENT / 4).softmax(1)
    expected = 16 * (p * (p / q).log()).sum(1)
    found = functional.kd(STUDENT, TEACHER, temperature=4.0, reduction="none")
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(functional.kd(STUDENT, TEACHER), expected.mean())


def test_a_weight_multiplies_the_losses_of_the_samples():
    weight = functional.entropy_weight(STUDENT, TEACHER, temperature=2.0)
    torch.testing.assert_close(weight, functional.entropy(TEACHER, 2.0))
    each = functional.dkd(STUDENT, TEACHER, LABELS, beta=2.0, reduction="none")
    found = functional.dkd(STUDENT, TEACHER, LABELS, beta=2.0, weight=weight)
    torch.testing.assert_close(found, (weight * each).mean())


def test_gradients_reach_the_student_alone():
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    functional.kd(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


def test_entropy_runs_from_0_to_the_logarithm_of_the_classes():
    assert functional.entropy(torch.zeros(1, 8)).item() == pytest.approx(math.log(8))
    assert functional.binary_entropy(torch.zeros(1, 8)).item() == pytest.approx(math.log(2))
    assert functional.entropy(torch.tensor([[200.0, 0.0]])).item() == 0


def test_teacher_weights_take_the_logits_of_all_teachers():
    weights = functional.entropy_teacher_weight(STUDENT, [TEACHER, STUDENT])
    torch.testing.assert_close(weights.sum(0), torch.ones(6, dtype=torch.float64))
    sure = functional.wsld_weight(STUDENT, TEACHER, LABELS)
    assert ((sure > 0) & (sure < 1)).all()


def test_labels_that_are_missing_are_asked_for():
    with pytest.raises(ValueError, match="DKDLoss needs labels"):
        functional.dkd(STUDENT, TEACHER)


def test_tokens_are_samples_in_another_shape():
    student, teacher, labels = STUDENT.view(2, 3, 5), TEACHER.view(2, 3, 5), LABELS.view(2, 3)
    each = functional.dkd(student, teacher, labels, reduction="none")
    assert each.shape == (2, 3)
    expected = functional.dkd(STUDENT, TEACHER, LABELS, reduction="none")
    torch.testing.assert_close(each.flatten(), expected)
    weight = functional.entropy_weight(student, teacher)
    torch.testing.assert_close(weight.flatten(), functional.entropy_weight(STUDENT, TEACHER))
    weighed = functional.dkd(student, teacher, labels, weight=weight)
    torch.testing.assert_close(weighed, (weight * each).mean())
    shares = functional.entropy_teacher_weight(student, [teacher, student])
    assert shares.shape == (2, 2, 3)


def test_a_mask_leaves_places_out_whose_labels_and_logits_may_be_anything():
    labels = torch.tensor([[0, -100, 2], [3, 4, -100]])
    mask = labels != -100
    student, teacher = STUDENT.view(2, 3, 5).clone(), TEACHER.view(2, 3, 5).clone()
    rows = student[mask], teacher[mask], labels[mask]
    expected = functional.dkd(*rows, reduction="none")
    student[~mask] = torch.nan
    found = functional.dkd(student, teacher, labels, mask=mask, reduction="none")
    torch.testing.assert_close(found[mask], expected)
    assert not found[~mask].any()
    mean = functional.dkd(student, teacher, labels, mask=mask)
    torch.testing.assert_close(mean, expected.mean())
    weight = functional.entropy_weight(student, teacher, mask=mask)
    torch.testing.assert_close(weight[mask], functional.entropy_weight(*rows[:2]))
    relational = functional.batch_correlation(student, teacher, mask=mask)
    torch.testing.assert_close(relational, functional.batch_correlation(*rows[:2]))


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\).*shape \(6,\)"):
        functional.kd(STUDENT, TEACHER, mask=torch.ones(3))
