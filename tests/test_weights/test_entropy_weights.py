import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmkd.losses import KDLoss
from mmkd.registry import MODELS
from mmkd.weights import EntropyAdaptiveWeight, EntropyWeight

STUDENT = torch.tensor(
    [[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5], [-0.4, 0.1, 0.9, 1.1]], dtype=torch.float64
)
TEACHER = torch.tensor(
    [[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1], [0, 0.2, 2.5, 2.4]], dtype=torch.float64
)


def test_entropies_of_the_worked_example():
    expected = [1.297327, 1.359987, 1.344812]
    assert EntropyWeight()(STUDENT, TEACHER).tolist() == pytest.approx(expected, abs=5e-7)
    expected = [1.206210, 1.326531, 1.305651]
    assert EntropyAdaptiveWeight()(STUDENT, TEACHER).tolist() == pytest.approx(expected, abs=5e-7)


def test_modes_of_eakd():
    modes = {
        mode: EntropyAdaptiveWeight(mode=mode)(STUDENT, TEACHER)
        for mode in ("ea", "base", "interact", "inverse")
    }
    torch.testing.assert_close(modes["base"], EntropyWeight(3.0)(STUDENT, TEACHER))
    student = EntropyWeight(3.0)(TEACHER, STUDENT)
    torch.testing.assert_close(modes["interact"], modes["base"] * student / math.log(4))
    torch.testing.assert_close(modes["ea"], (modes["base"] + modes["interact"]) / 2)
    torch.testing.assert_close(modes["inverse"], math.log(4) - modes["ea"])
    assert torch.equal(modes["inverse"].argsort(), modes["ea"].argsort(descending=True))


@pytest.mark.parametrize("kind", [EntropyWeight, EntropyAdaptiveWeight])
def test_weights_are_detached_and_one_a_sample(kind):
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    weight = kind()(student, teacher)
    assert weight.shape == (3,)
    assert not weight.requires_grad


def test_normalised_weights_are_those_in_units_of_ln_c():
    ln_c = math.log(4)
    for make in (EntropyWeight, EntropyAdaptiveWeight):
        torch.testing.assert_close(
            make(normalize=True)(STUDENT, TEACHER), make()(STUDENT, TEACHER) / ln_c
        )
    for mode in ("base", "interact", "inverse"):
        plain = EntropyAdaptiveWeight(mode=mode, bound=100.0)(STUDENT, TEACHER)
        unit = EntropyAdaptiveWeight(mode=mode, bound=100.0, normalize=True)(STUDENT, TEACHER)
        torch.testing.assert_close(unit, plain / ln_c)


@pytest.mark.parametrize("normalize", [False, True])
def test_without_a_mode_the_weight_is_one(normalize):
    weight = EntropyAdaptiveWeight(mode="none", normalize=normalize)(STUDENT, TEACHER)
    assert torch.equal(weight, torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("kind", [EntropyWeight, EntropyAdaptiveWeight])
def test_renormalised_weights_have_the_mean_one(kind):
    plain = kind()(STUDENT, TEACHER)
    weight = kind(renormalize=True)(STUDENT, TEACHER)
    torch.testing.assert_close(weight, plain / plain.mean())
    certain = torch.eye(3, 4) * 1e4
    assert kind(renormalize=True)(certain, certain).tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", [EntropyWeight, EntropyAdaptiveWeight])
def test_the_batchs_mean_for_all_keeps_the_size_alone(kind):
    plain = kind()(STUDENT, TEACHER)
    torch.testing.assert_close(kind(batch_mean=True)(STUDENT, TEACHER), plain.mean().expand(3))


def test_the_released_erdkd_multiplies_the_means():
    """Losses (N,) times entropies (N, 1) broadcast to (N, N) there."""
    released = EntropyWeight(batch_mean=True)(STUDENT, TEACHER)
    losses = KDLoss()(STUDENT, TEACHER, reduction_override="none")
    entropies = EntropyWeight()(STUDENT, TEACHER)
    weighted = KDLoss()(STUDENT, TEACHER, weight=released)
    torch.testing.assert_close(weighted, (losses * entropies[:, None]).mean())


def test_the_released_eadkd_reads_standardised_logits():
    standardize = dict(type="mmkd.Standardize")
    weight = EntropyAdaptiveWeight(transforms=[standardize])(STUDENT, TEACHER)
    pair = [MODELS.build(standardize)(logits) for logits in (STUDENT, TEACHER)]
    torch.testing.assert_close(weight, EntropyAdaptiveWeight()(*pair))
    assert not torch.allclose(weight, EntropyAdaptiveWeight()(STUDENT, TEACHER))


@pytest.mark.parametrize("mode", ["ea", "interact", "inverse"])
def test_undetached_the_gradient_is_that_of_the_students_entropy(mode):
    """dH/dz_k = -u_k (ln u_k + H) / T' for the softmax u at temperature T'."""
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    weigh = EntropyAdaptiveWeight(3.0, mode=mode, eps=0.0, detach=False)
    weight = weigh(student, teacher)
    torch.testing.assert_close(
        weight.detach(), EntropyAdaptiveWeight(3.0, mode=mode, eps=0.0)(STUDENT, TEACHER)
    )
    weight.sum().backward()
    u = (STUDENT / 3).softmax(-1)
    h = -(u * u.log()).sum(-1, keepdim=True)
    base = EntropyWeight(3.0)(STUDENT, TEACHER)[:, None]
    factor = {"ea": 0.5, "interact": 1.0, "inverse": -0.5}[mode]
    expected = factor * base / math.log(4) * -u * (u.log() + h) / 3
    torch.testing.assert_close(student.grad, expected)
    assert teacher.grad is None


def test_uniform_student_turns_ea_into_er():
    torch.testing.assert_close(
        EntropyAdaptiveWeight(3.0)(torch.zeros_like(STUDENT), TEACHER),
        EntropyWeight(3.0)(STUDENT, TEACHER),
    )


def test_uniform_teacher_makes_er_a_multiple_of_kd():
    uniform = torch.zeros_like(TEACHER)
    weighted = KDLoss()(STUDENT, uniform, weight=EntropyWeight()(STUDENT, uniform))
    assert weighted.item() == pytest.approx(math.log(4) * KDLoss()(STUDENT, uniform).item())


@settings(deadline=None, max_examples=50)
@given(
    scale=st.sampled_from([0.0, 1.0, 10.0, 1e4]),
    classes=st.integers(2, 50),
    mode=st.sampled_from(["ea", "base", "interact", "inverse"]),
    seed=st.integers(0, 99),
)
def test_weights_are_finite_and_between_zero_and_ln_c(scale, classes, mode, seed):
    logits = torch.randn(2, 3, classes, generator=torch.Generator().manual_seed(seed)) * scale
    student = logits[0].clone().requires_grad_()
    weight = EntropyAdaptiveWeight(mode=mode)(student, logits[1])
    followed = EntropyAdaptiveWeight(mode=mode, detach=False)(student, logits[1])
    (followed + 0 * student.sum()).sum().backward()
    assert student.grad.isfinite().all()
    assert torch.equal(followed, weight)
    assert weight.isfinite().all()
    assert weight.min() >= -1e-5
    assert weight.max() <= math.log(classes) * (1 + 1e-5)


def test_half_precision_logits_are_weighed_in_float32():
    weight = EntropyWeight()(STUDENT.bfloat16(), TEACHER.bfloat16())
    assert weight.dtype == torch.float32


def test_average_teachers():
    average = MODELS.build(dict(type="mmkd.AverageTeachers"))
    weights = average(STUDENT, [TEACHER, TEACHER, TEACHER], labels=None)
    assert weights.shape == (3, 3)
    torch.testing.assert_close(weights.sum(0), torch.ones(3))


def test_wrong_arguments_are_refused_in_words():
    with pytest.raises(ValueError, match="mode must be one of"):
        EntropyAdaptiveWeight(mode="entropy")
    with pytest.raises(ValueError, match="bound"):
        EntropyAdaptiveWeight(bound=-1.0)
    with pytest.raises(ValueError, match="temperature"):
        EntropyWeight(temperature=0.0)
    with pytest.raises(ValueError, match="every weight 1"):
        EntropyAdaptiveWeight(batch_mean=True, renormalize=True)
