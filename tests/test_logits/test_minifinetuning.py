"""Target with the label mixed in, against numpy."""

import numpy as np
import pytest
import torch
from logit_cases import LABELS, STUDENT, TEACHER, kl, softmax

from mmkd.logits import Minifinetuning
from mmkd.losses import KDLoss

P = softmax(TEACHER.numpy() / 4)


def reference(p: np.ndarray, label: int, threshold: float, only_wrong: bool) -> np.ndarray:
    """Return the target of one sample, as the released code writes it."""
    if p.argmax() != label:
        share = (p.max() - p[label] + threshold) / (1 + p.max() - p[label] + 1e-7)
    elif only_wrong:
        share = 0.0
    else:
        share = (min(p[label] + threshold, 1) - p[label]) / (1 - p[label] + 1e-7)
    mixed = (1 - share) * p
    mixed[label] += share
    return mixed


@pytest.mark.parametrize("only_wrong", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.9])
def test_the_target_is_the_released_codes(threshold, only_wrong):
    target = Minifinetuning(threshold, only_wrong)
    samples = zip(P, LABELS.tolist(), strict=True)
    expected = np.stack([reference(*sample, threshold, only_wrong) for sample in samples])
    found = target(torch.from_numpy(np.log(P)), LABELS).exp()
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-12)
    loss = KDLoss(target=target, reduction="none")(STUDENT, TEACHER, labels=LABELS)
    q = softmax(STUDENT.numpy() / 4)
    np.testing.assert_allclose(loss.numpy(), 16 * kl(expected, q), rtol=1e-5, atol=1e-9)


def test_the_true_class_leads_by_the_threshold_and_others_keep_their_ratios():
    found = Minifinetuning(0.2)(torch.from_numpy(np.log(P)), LABELS).exp().numpy()
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    for row, before, label in zip(found, P, LABELS.tolist(), strict=True):
        others, old = np.delete(row, label), np.delete(before, label)
        np.testing.assert_allclose(others / others.sum(), old / old.sum(), rtol=1e-6)
        lead = row[label] - others.max()
        if before.argmax() == label:
            assert row[label] == pytest.approx(min(before[label] + 0.2, 1), rel=1e-5)
        else:
            assert lead == pytest.approx(0.2, abs=1e-6)


def test_a_teacher_that_is_certain_gives_finite_losses_and_gradients():
    sure = torch.nn.functional.one_hot(LABELS, 7) * 1e4
    student = STUDENT.float().requires_grad_()
    for teacher in (sure, sure.flip(0)):
        loss = KDLoss(target=Minifinetuning(), temperature=1.0)
        value = loss(student, teacher.float(), labels=LABELS)
        assert value.isfinite()
        [gradient] = torch.autograd.grad(value, student)
        assert gradient.isfinite().all()


def test_a_threshold_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1"):
        Minifinetuning(1.5)
