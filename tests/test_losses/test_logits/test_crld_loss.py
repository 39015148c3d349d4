"""Distillation within and across views, against numpy."""

import numpy as np
import pytest
import torch
from logit_cases import STUDENT, TEACHER, kl, softmax

from mmkd.losses import CRLDLoss
from mmkd.registry import MODELS

SETTINGS = dict(within_weight=2.0, across_weight=0.5, weak_confidence=0.6, strong_confidence=0.4)


def crld(student: np.ndarray, teacher: np.ndarray, at: float) -> float:
    """Return the mean over images of both sums, as the released code writes it."""
    (sw, ss), (tw, ts) = np.split(student, 2), np.split(teacher, 2)

    def kd(own: np.ndarray, other: np.ndarray) -> np.ndarray:
        return at**2 * kl(softmax(other / at), softmax(own / at))

    weak, strong = softmax(tw).max(1) >= 0.6, softmax(ts).max(1) >= 0.4
    assert 0 < weak.sum() < 3
    within = 2.0 * ((kd(sw, tw) + kd(ss, ts)) * weak).mean()
    return within + 0.5 * ((kd(ss, tw) + kd(sw, ts)) * strong).mean()


def test_it_is_the_released_codes_loss():
    value = CRLDLoss(**SETTINGS)(STUDENT, TEACHER)
    assert value.item() == pytest.approx(crld(STUDENT.numpy(), TEACHER.numpy(), 4.0), rel=1e-10)


def test_the_defaults_are_the_released_ones():
    loss = CRLDLoss()
    found = loss.within_weight, loss.across_weight, loss.weak_confidence, loss.strong_confidence
    assert found == (2.0, 0.5, 0.9, 0.2)
    assert loss.temperature == 4.0


def test_a_temperature_of_a_sample_is_that_of_the_teachers_view():
    """Across views the teacher's target has the temperature of its own view."""

    class Two(torch.nn.Module):
        def forward(self, student, teacher):
            return torch.tensor([2.0, 2, 2, 5, 5, 5], dtype=torch.float64)

    same = CRLDLoss(across_weight=0.0, weak_confidence=0.0, temperature=Two())
    q, p = STUDENT.numpy(), TEACHER.numpy()
    expected = 2 * sum(
        at**2 * kl(softmax(p[part] / at), softmax(q[part] / at)).mean()
        for at, part in ((2.0, slice(0, 3)), (5.0, slice(3, 6)))
    )
    assert same(STUDENT, TEACHER).item() == pytest.approx(expected)


def test_a_teacher_that_is_unsure_of_both_views_teaches_nothing():
    assert CRLDLoss(strong_confidence=0.9)(STUDENT, 0 * TEACHER) == 0


def test_an_odd_batch_and_wrong_shares_are_refused_in_words():
    with pytest.raises(ValueError, match="5 is not two views"):
        CRLDLoss()(STUDENT[:5], TEACHER[:5])
    with pytest.raises(ValueError, match="are probabilities"):
        MODELS.build(dict(type="mmkd.CRLDLoss", weak_confidence=-0.1))
