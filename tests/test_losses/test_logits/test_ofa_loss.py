"""The enhanced target, against numpy."""

import numpy as np
import pytest
import torch
from logit_cases import LABELS, STUDENT, TEACHER, softmax
from torch.nn.functional import cross_entropy

from mmkd.losses import OFALoss


@pytest.mark.parametrize(("gamma", "at"), [(1.5, 1.0), (1.0, 2.0), (0.5, 1.0)])
def test_each_samples_loss_is_the_formulas(gamma, at):
    p, q, true = softmax(TEACHER.numpy() / at), softmax(STUDENT.numpy() / at), np.eye(7)[LABELS]
    expected = -(((p + true) ** gamma - true) * np.log(q)).sum(1)
    found = OFALoss(gamma, at)(STUDENT, TEACHER, labels=LABELS, reduction_override="none")
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_with_an_exponent_of_1_it_is_the_cross_entropy_with_the_teacher():
    expected = cross_entropy(STUDENT, TEACHER.softmax(-1))
    torch.testing.assert_close(OFALoss()(STUDENT, TEACHER, labels=LABELS), expected)


def test_a_larger_exponent_asks_for_more_of_the_true_class():
    """With a sure teacher, right or wrong, the target of the true class grows from 1 to 3."""
    sure = 50.0 * torch.nn.functional.one_hot(LABELS, 7).double()
    expected = 3 * cross_entropy(STUDENT, LABELS)
    torch.testing.assert_close(OFALoss(2.0)(STUDENT, sure, labels=LABELS), expected)


def test_a_wrong_exponent_is_refused():
    with pytest.raises(ValueError, match="gamma must be positive"):
        OFALoss(gamma=0.0)
