"""MLKD: its formula in numpy, its masks, and the differences of the released code."""

import numpy as np
import pytest
import torch

from mmkd.losses import BatchCorrelationLoss, ClassCorrelationLoss, KDLoss, MLKDLoss
from mmkd.registry import MODELS

FIVE = (4.0, 3.0, 5.0, 2.0, 6.0)


def logits(samples: int = 12, classes: int = 7, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pair = 3 * torch.randn(2, samples, classes, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def kl(s: np.ndarray, t: np.ndarray, at: float) -> np.ndarray:
    p, q = softmax(t / at), softmax(s / at)
    return at**2 * (p * (np.log(p) - np.log(q))).sum(1)


def grams(s: np.ndarray, t: np.ndarray, at: float) -> tuple[np.ndarray, np.ndarray]:
    """Squared differences, (C, C) over C and (N, N) over N."""
    p, q = softmax(t / at), softmax(s / at)
    classes = (p.T @ p - q.T @ q) ** 2 / p.shape[1]
    return classes, (p @ p.T - q @ q.T) ** 2 / len(p)


def masks(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p = softmax(t)
    return p.max(1) <= np.percentile(p.max(1), 50), p.sum(0) <= np.percentile(p.sum(0), 50)


def formula(s: np.ndarray, t: np.ndarray, w: np.ndarray, masked: bool) -> float:
    """Two views: the weak one's divergence and the correlations may be masked, no more."""
    n = len(s) // 2
    samples, classes = masks(t[:n]) if masked else (np.full(n, True), np.full(s.shape[1], True))
    total = 0.0
    for at in FIVE:
        weighed = w * kl(s, t, at)
        total += (weighed[:n] * samples).mean() + weighed[n:].mean()
        by_class, by_sample = grams(s[:n], t[:n], at)
        total += by_class[:, classes].sum() + by_sample[:, samples].sum()
    return float(total)


def released(s: np.ndarray, t: np.ndarray, w: np.ndarray, temperatures: tuple = FIVE) -> float:
    """Return the loss of the published code, line by line: all masks act on numbers."""
    n = len(s) // 2
    weak, strong = (s[:n], t[:n], w[:n]), (s[n:], t[n:], w[n:])

    def kd(view: tuple, at: float) -> float:
        return float((view[2] * kl(view[0], view[1], at)).mean())

    samples, classes = (float(mask.mean()) for mask in masks(t[:n]))
    base = temperatures[0]
    total = sum(kd(weak, at) * samples for at in temperatures)
    total += kd(strong, base) + kd(strong, 3.0) + kd(strong, 5.0) + kd(weak, 2.0) + kd(weak, 6.0)
    for at in temperatures:
        by_class, by_sample = grams(s[:n], t[:n], at)
        total += by_class.sum() * classes + by_sample.sum() * samples
    return total


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weighed", [False, True])
def test_the_formula(weighed: bool, masked: bool) -> None:
    student, teacher = logits()
    weight = torch.rand(12, dtype=torch.float64) if weighed else torch.ones(12, dtype=torch.float64)
    value = MLKDLoss(views=2, masks=masked)(student, teacher, weight=weight)
    expected = formula(student.numpy(), teacher.numpy(), weight.numpy(), masked)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_the_default_is_the_loss_without_masks_whose_gradient_is_near_the_released_codes() -> None:
    student, teacher = logits(64)
    student.requires_grad_()
    gradients = [
        torch.autograd.grad(MLKDLoss(views=2, **options)(student, teacher), student)[0].flatten()
        for options in (dict(), dict(released_code=True), dict(masks=True))
    ]
    default, released_code, masked = (gradient / gradient.norm() for gradient in gradients)
    assert default @ released_code > 0.9 > masked @ released_code + 0.1


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("temperatures", [FIVE, (2.0, 3.0, 5.0, 2.0, 6.0)])
def test_the_released_code(temperatures: tuple, weighed: bool) -> None:
    """Its effect, with EA-KD's weight too, and with the base temperature of LS."""
    student, teacher = logits(14)  # 7 of a view: the share of the mask is 4 / 7
    weight = torch.rand(14, dtype=torch.float64) if weighed else torch.ones(14, dtype=torch.float64)
    loss = MLKDLoss(temperatures, views=2, released_code=True)
    expected = released(student.numpy(), teacher.numpy(), weight.numpy(), temperatures)
    assert loss(student, teacher, weight=weight).item() == pytest.approx(expected, rel=1e-12)
    assert MLKDLoss(temperatures, views=2)(student, teacher, weight=weight).item() != expected


def test_the_released_code_in_five_terms() -> None:
    """ER-MLKD, whose weights have each term's temperature, has to be written like this."""
    student, teacher = logits()
    terms = [MLKDLoss([at], views=2, released_code=True)(student, teacher) for at in FIVE]
    whole = MLKDLoss(views=2, released_code=True)(student, teacher)
    torch.testing.assert_close(sum(terms), whole)


def test_masks_mask_and_do_not_scale() -> None:
    """Bug of the published code: its mask multiplies a mean, so that confident samples count."""
    student, teacher = logits(6)
    teacher[0] = torch.tensor([30.0, 0, 0, 0, 0, 0, 0])  # the most confident
    moved = student.clone()
    moved[0] = moved[0].flip(0)
    alone = dict(class_weight=0.0, batch_weight=0.0)
    ours = MLKDLoss(**alone, masks=True)
    assert ours(moved, teacher) == ours(student, teacher)
    theirs = MLKDLoss(**alone, released_code=True)
    assert theirs(moved, teacher) != theirs(student, teacher)


def test_the_strong_view_has_its_own_divergence_at_every_temperature() -> None:
    """Bug of the published code: at T = 2 and T = 6 it takes the weak view for the strong one."""
    student, teacher = logits()
    moved = student.clone()
    moved[6:] = moved[6:].flip(1)
    for at in FIVE:
        assert MLKDLoss([at], views=2)(moved, teacher) != MLKDLoss([at], views=2)(student, teacher)
        theirs = MLKDLoss([at], views=2, released_code=True)
        same = bool(theirs(moved, teacher) == theirs(student, teacher))
        assert same is (at in (2.0, 6.0))


def test_correlations_are_those_of_the_weak_view() -> None:
    """In the published code those of the strong one are computed, and unused."""
    student, teacher = logits()
    moved = student.clone()
    moved[6:] = moved[6:].flip(1)
    for options in (dict(), dict(released_code=True)):
        loss = MLKDLoss(views=2, kl_weight=0.0, **options)
        assert loss(moved, teacher) == loss(student, teacher)
        assert loss(student, teacher) == MLKDLoss(kl_weight=0.0, **options)(
            student[:6], teacher[:6]
        )


def test_without_masks_it_is_the_sum_of_its_levels() -> None:
    student, teacher = logits()
    expected = sum(
        2 * KDLoss(at)(student, teacher)
        + 3 * ClassCorrelationLoss(at)(student, teacher)
        + 5 * BatchCorrelationLoss(at)(student, teacher)
        for at in (1.0, 4.0)
    )
    loss = MLKDLoss((1.0, 4.0), kl_weight=2.0, class_weight=3.0, batch_weight=5.0)
    torch.testing.assert_close(loss(student, teacher), expected)


def test_the_mean_over_views_is_the_mean_of_each() -> None:
    """The divergence of V views is V times the mean over the joined batch."""
    student, teacher = logits()
    options = dict(class_weight=0.0, batch_weight=0.0)
    joined = MLKDLoss(views=3, **options)(student, teacher)
    parts = [
        MLKDLoss(**options)(s, t) for s, t in zip(student.chunk(3), teacher.chunk(3), strict=True)
    ]
    torch.testing.assert_close(joined, sum(parts))


def test_standardisation_acts_as_on_any_logit_loss() -> None:
    """The masks are of the raw logits, as in the code of LS."""
    student, teacher = logits()
    loss = MLKDLoss((2.0, 3.0), transforms=[dict(type="mmkd.Standardize")])
    moved = 5 * teacher + 2
    torch.testing.assert_close(loss(student, teacher), loss(student, moved), rtol=1e-5, atol=0)
    teacher[0] = torch.tensor([2.0, 0, 0, 0, 0, 0, 0])  # sharp once standardised, unsure before
    teacher[1:] *= 10
    masked = MLKDLoss(transforms=[dict(type="mmkd.Standardize")], masks=True)
    samples, _ = masked.factors(teacher)
    assert samples[0] == 1


def test_the_loss_of_ls_in_two_terms() -> None:
    """In the code of LS and of EA-KD the correlations are those of raw logits."""
    student, teacher = logits()
    ls = [dict(type="mmkd.Standardize")]
    first = MLKDLoss(transforms=ls, class_weight=0.0, batch_weight=0.0)
    second = MLKDLoss(kl_weight=0.0)
    kl_part = sum(KDLoss(at, transforms=ls)(student, teacher) for at in FIVE)
    torch.testing.assert_close(first(student, teacher), kl_part)
    raw = sum(
        kind(at)(student, teacher)
        for kind in (ClassCorrelationLoss, BatchCorrelationLoss)
        for at in FIVE
    )
    torch.testing.assert_close(second(student, teacher), raw)


def test_equal_teachers_are_all_least_sure() -> None:
    """A tie with the median counts; uniform teachers mask nothing."""
    student, _ = logits(5)
    teacher = torch.zeros_like(student)
    unmasked = MLKDLoss()(student, teacher)
    torch.testing.assert_close(MLKDLoss(masks=True)(student, teacher), unmasked)
    torch.testing.assert_close(MLKDLoss(released_code=True)(student, teacher), unmasked)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(temperature=4.0), r"write temperatures=\[...\]"),
        (dict(temperatures=4.0), "it takes a list"),
        (dict(temperatures=[]), "must be a list of numbers"),
        (dict(temperatures=[4.0, 0.0]), "must be positive numbers"),
        (dict(temperatures=[dict(type="mmkd.CWSMTemperature")]), "must be positive numbers"),
        (dict(views=0), "at least 1"),
        (dict(views=3, released_code=True), "a weak and a strong view"),
        (dict(masks=True, released_code=True), "set one of them"),
    ],
)
def test_wrong_settings_are_refused_in_words(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MODELS.build(dict(type="mmkd.MLKDLoss", **options))


def test_a_batch_that_is_not_so_many_views_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"5 is not 2 views.*MultiViewDataPreprocessor"):
        MLKDLoss(views=2)(*logits(5))


def test_a_transform_acts_once_in_a_pass() -> None:
    """A controller that acted at every temperature would be averaged five times."""
    transform = dict(type="mmkd.EntropyController", momentum=0.5)
    loss = MLKDLoss(student_transforms=[transform])
    [controller] = loss.student_transforms
    controller.raw_alpha.data.fill_(3.0)
    loss(*logits())
    assert controller.average == 2.0
