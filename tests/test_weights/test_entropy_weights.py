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
    weight = EntropyAdaptiveWeight(mode=mode)(logits[0], logits[1])
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
