"""Reverse, skewed, Jensen-Shannon and gated divergences, against numpy."""

import math

import numpy as np
import pytest
import torch
from logit_cases import STUDENT, TEACHER, kl, softmax

from mmkd.losses import EntropyGatedLoss, JensenShannonLoss, KDLoss, ReverseKLLoss, SkewKLLoss
from mmkd.registry import MODELS

T = 3.0
Q, P = (softmax(z.numpy() / T) for z in (STUDENT, TEACHER))
RAW = softmax(TEACHER.numpy())
HIGH = -(RAW * np.log(RAW)).sum(-1) > 0.5 * math.log(7)
FORWARD, REVERSE = kl(P, Q), kl(Q, P)
CASES = {
    "reverse": (ReverseKLLoss(T), REVERSE),
    "skew": (SkewKLLoss(0.1, temperature=T), kl(P, 0.1 * P + 0.9 * Q)),
    "skew, reverse": (SkewKLLoss(0.3, reverse=True, temperature=T), kl(Q, 0.3 * Q + 0.7 * P)),
    "Jensen-Shannon": (JensenShannonLoss(T), (kl(P, (P + Q) / 2) + kl(Q, (P + Q) / 2)) / 2),
    "gate": (EntropyGatedLoss(0.5, temperature=T), np.where(HIGH, FORWARD, REVERSE)),
    "gate, everywhere": (
        EntropyGatedLoss(0.5, everywhere=True, temperature=T),
        REVERSE + HIGH * FORWARD,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_samples_loss_is_the_formulas(case):
    loss, expected = CASES[case]
    found = loss(STUDENT, TEACHER, reduction_override="none")
    np.testing.assert_allclose(found.numpy(), T**2 * expected, rtol=1e-10)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_gradients_and_equals_cost_nothing(case, scale):
    loss, _ = CASES[case]
    student = (STUDENT.float().sign() * scale).requires_grad_()
    value = loss(student, -student.detach())
    value.backward()
    assert value.isfinite()
    assert value >= 0
    assert student.grad.isfinite().all()
    assert loss(student, student.detach()).item() == pytest.approx(0, abs=1e-5)


def test_both_sides_of_the_gate_are_tried():
    assert 0 < HIGH.sum() < len(HIGH)


def test_the_ends_of_the_gate_are_the_two_divergences():
    whole = EntropyGatedLoss(0.0)(STUDENT, TEACHER), EntropyGatedLoss(1.0)(STUDENT, TEACHER)
    torch.testing.assert_close(
        whole, (KDLoss()(STUDENT, TEACHER), ReverseKLLoss()(STUDENT, TEACHER))
    )


def test_jensen_shannon_is_symmetric_and_at_most_ln_2():
    far = TEACHER * 30
    loss = JensenShannonLoss(1.0, reduction="none")
    torch.testing.assert_close(loss(STUDENT, far), loss(far, STUDENT))
    assert (loss(-far, far) <= math.log(2) + 1e-12).all()


def test_a_skewed_divergence_is_bounded():
    loss = SkewKLLoss(0.1, temperature=1.0, reduction="none")
    assert (loss(-1e3 * TEACHER, 1e3 * TEACHER) <= -math.log(0.1) + 1e-9).all()


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("SkewKLLoss", dict(skew=0.0), "above 0 and below 1"),
        ("EntropyGatedLoss", dict(threshold=1.5), "share of the greatest entropy"),
    ],
)
def test_wrong_settings_are_refused_in_words(kind, options, words):
    with pytest.raises(ValueError, match=words):
        MODELS.build(dict(type=f"mmkd.{kind}", **options))
