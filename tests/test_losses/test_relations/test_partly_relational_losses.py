"""Losses with a part per sample, which a weight multiplies, and a part between samples."""

import numpy as np
import pytest
import torch

from mmkd.losses import DISTLoss, MLKDLoss, correlation
from mmkd.registry import MODELS

BUILD = {
    "dist": DISTLoss,
    "mlkd": MLKDLoss,
    "mlkd, two views": lambda **options: MLKDLoss(views=2, **options),
    "mlkd, released": lambda **options: MLKDLoss(views=2, released_code=True, **options),
}
KINDS = pytest.mark.parametrize("build", BUILD.values(), ids=BUILD)


def logits(samples: int = 6, classes: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pair = 2 * torch.randn(2, samples, classes, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


def test_of_dist_a_weight_multiplies_the_correlation_of_each_row() -> None:
    student, teacher = logits()
    weight = torch.rand(6, dtype=torch.float64)
    q, p = ((z / 4).softmax(-1) for z in (student, teacher))
    rows = 16 * (1 - correlation(q, p, dim=1))
    columns = 16 * (1 - correlation(q, p, dim=0))
    expected = 2 * (weight * rows).mean() + 3 * columns.mean()
    value = DISTLoss(beta=2.0, gamma=3.0, eps=0.0)(student, teacher, weight=weight)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=0)


@KINDS
def test_reductions_agree(build) -> None:
    student, teacher = logits()
    weight = torch.rand(6, dtype=torch.float64)
    loss = build(loss_weight=2.0)
    for w in (None, weight):
        value = loss(student, teacher, weight=w)
        samples = loss(student, teacher, weight=w, reduction_override="none")
        assert samples.shape == (6,)
        torch.testing.assert_close(samples.mean(), value)
        total = loss(student, teacher, weight=w, reduction_override="sum")
        torch.testing.assert_close(total, 6 * value)
    with pytest.raises(ValueError, match="'none', 'mean' or 'sum'"):
        loss(student, teacher, reduction_override="most")


@KINDS
def test_the_loss_is_linear_in_the_weight_and_keeps_the_relation(build) -> None:
    student, teacher = logits()
    loss = build()
    relation = loss(student, teacher, weight=torch.zeros(6, dtype=torch.float64))
    assert relation > 0
    one, two = (loss(student, teacher, weight=torch.full((6,), w).double()) for w in (1.0, 2.0))
    torch.testing.assert_close(one, loss(student, teacher))
    torch.testing.assert_close(two - one, one - relation)


@KINDS
def test_it_trains_the_student_alone(build) -> None:
    student, teacher = (z.requires_grad_() for z in logits())
    build()(student, teacher).backward()
    assert student.grad.count_nonzero() > 0
    assert teacher.grad is None


@KINDS
def test_equal_networks_give_zero_and_shifts_change_nothing(build) -> None:
    student, teacher = logits()
    loss = build(**({"eps": 0.0} if build is DISTLoss else {}))
    equal = student.clone().requires_grad_()
    value = loss(equal, student)
    value.backward()
    assert value.abs() < 1e-12
    assert equal.grad.abs().max() < 1e-12
    shift = torch.arange(6, dtype=torch.float64)[:, None]
    torch.testing.assert_close(loss(student + shift, teacher - shift), loss(student, teacher))


@KINDS
@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("samples", [0, 2, 6])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_moderate_gradients(build, classes, samples, scale) -> None:
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (2, samples, classes), generator=generator) * 2.0 - 1
    student, teacher = (signs[0] * scale).requires_grad_(), signs[1] * scale
    for other in (teacher, torch.zeros_like(teacher), torch.arange(classes) + teacher * 0):
        student.grad = None
        value = build()(student, other, weight=torch.ones(samples))
        value.backward()
        assert value.isfinite()
        assert student.grad.isfinite().all()
        assert (student.grad.abs() < 100).all()


@pytest.mark.parametrize("build", [DISTLoss, MLKDLoss])
def test_a_batch_of_one(build) -> None:
    student, teacher = logits(1)
    values = build()(student, teacher, reduction_override="none")
    assert values.shape == (1,)
    assert values.isfinite().all()
    assert values > 0


@KINDS
def test_arithmetic_is_float32_under_autocast(build) -> None:
    student, teacher = (z.float() for z in logits(8, 50))
    expected = build()(student, teacher)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = build()(student, teacher)
        half = build()(student.bfloat16(), teacher.bfloat16())
    assert value.dtype == half.dtype == torch.float32
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)


@KINDS
def test_what_has_no_meaning_is_refused_in_words(build) -> None:
    student, teacher = logits()
    with pytest.raises(ValueError, match="takes no `avg_factor`"):
        build()(student, teacher, avg_factor=3.0)
    with pytest.raises(ValueError, match="would broadcast"):
        build()(student, teacher, weight=torch.ones(6, 1))


def test_a_temperature_of_each_sample_is_refused_in_words() -> None:
    temperature = dict(type="mmkd.FLSWTemperature")
    with pytest.raises(ValueError, match="one temperature for all"):
        MODELS.build(dict(type="mmkd.DISTLoss", temperature=temperature))


def test_the_released_code_of_er_dist_multiplies_both_parts_by_the_mean_weight() -> None:
    """(N,) or (C,) losses times (N, 1) weights broadcast, and then comes the mean."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    weight = torch.rand(6, generator=generator, dtype=torch.float64)
    p, q = ((z / 4).softmax(1) for z in (teacher, student))
    parts = [
        1 - np.array([np.corrcoef(*rows)[0, 1] for rows in zip(a, b, strict=True)])
        for a, b in ((p.numpy(), q.numpy()), (p.T.numpy(), q.T.numpy()))
    ]
    expected = 16 * sum((part * weight.numpy()[:, None]).mean() for part in parts)
    value = DISTLoss(released_code=True)(student, teacher, weight=weight)
    assert value.item() == pytest.approx(expected, rel=1e-6)
    without = DISTLoss(released_code=True)(student, teacher)
    torch.testing.assert_close(without, DISTLoss()(student, teacher))
