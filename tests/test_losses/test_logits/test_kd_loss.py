import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from mmkd.losses import KDLoss
from mmkd.registry import MODELS

STUDENT = torch.tensor(
    [[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5], [-0.4, 0.1, 0.9, 1.1]], dtype=torch.float64
)
TEACHER = torch.tensor(
    [[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1], [0, 0.2, 2.5, 2.4]], dtype=torch.float64
)
LABELS = torch.tensor([0, 1, 3])


def test_per_sample_values_of_the_worked_example():
    values = KDLoss()(STUDENT, TEACHER, reduction_override="none")
    assert values.tolist() == pytest.approx([0.200179, 0.238647, 0.182399], abs=5e-7)


def test_sum_and_mean_agree_with_the_samples():
    values = KDLoss()(STUDENT, TEACHER, reduction_override="none")
    assert KDLoss(reduction="sum")(STUDENT, TEACHER) == pytest.approx(values.sum().item())
    assert KDLoss()(STUDENT, TEACHER, avg_factor=6.0) == pytest.approx(values.sum().item() / 6)
    assert KDLoss(loss_weight=2.0)(STUDENT, TEACHER) == pytest.approx(2 * values.mean().item())


def test_mean_is_over_samples_and_not_renormalised_by_the_weights():
    weight = torch.tensor([0.5, 2.0, 0.0], dtype=torch.float64)
    values = KDLoss()(STUDENT, TEACHER, reduction_override="none")
    assert KDLoss()(STUDENT, TEACHER, weight=weight).item() == pytest.approx(
        (values * weight).mean().item()
    )


def test_a_weight_that_would_broadcast_is_refused():
    with pytest.raises(ValueError, match="must be equal"):
        KDLoss()(STUDENT, TEACHER, weight=torch.ones(3, 1))


def test_teacher_gets_no_gradient():
    teacher = TEACHER.clone().requires_grad_()
    student = STUDENT.clone().requires_grad_()
    KDLoss()(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.count_nonzero() > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_arithmetic_is_float32_under_half_precision_and_autocast(dtype):
    student, teacher = STUDENT.to(dtype), TEACHER.to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = KDLoss()(student, teacher)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(KDLoss()(student.double(), teacher.double()).item(), 1e-5)


def test_equal_networks_give_exactly_zero_and_a_zero_gradient():
    student = (STUDENT.float() * 3).requires_grad_()
    value = KDLoss()(student, student.detach().clone())
    value.backward()
    assert value.item() == 0
    assert student.grad.abs().max() < 1e-6


@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_gradients(classes, samples, scale):
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (2, samples, classes), generator=generator) * 2.0 - 1
    student, teacher = (signs[0] * scale).requires_grad_(), signs[1] * scale
    value = KDLoss()(student, teacher)
    value.backward()
    assert value.isfinite()
    assert student.grad.isfinite().all()


def test_no_samples_give_zero_with_a_graph():
    student = torch.zeros(0, 4, requires_grad=True)
    value = KDLoss()(student, torch.zeros(0, 4))
    value.backward()
    assert value.item() == 0


@settings(deadline=None, max_examples=30)
@given(shift=st.floats(-50, 50), temperature=st.floats(0.5, 20))
def test_a_shift_of_the_logits_changes_nothing(shift, temperature):
    loss = KDLoss(temperature=temperature)
    shifted = loss(STUDENT + shift, TEACHER - shift).item()
    assert shifted == pytest.approx(loss(STUDENT, TEACHER).item(), rel=1e-6)


def test_at_temperature_one_it_is_cross_entropy_minus_the_teachers_entropy():
    target = TEACHER.softmax(-1)
    expected = cross_entropy(STUDENT, target) + (target * target.log()).sum(-1).mean()
    assert KDLoss(temperature=1.0)(STUDENT, TEACHER).item() == pytest.approx(expected.item())


def test_probability_shift_as_target():
    loss = MODELS.build(
        dict(type="mmkd.KDLoss", temperature=20.0, target=dict(type="mmkd.ProbabilityShift"))
    )
    assert loss.needs_labels
    assert loss(STUDENT, TEACHER, labels=LABELS).item() == pytest.approx(0.204591, abs=5e-7)
    with pytest.raises(ValueError, match="needs labels"):
        loss(STUDENT, TEACHER)


@pytest.mark.parametrize(("gamma", "expected"), [(1.0, 0.228850)])
def test_dynamic_temperature(gamma, expected):
    temperature = dict(type="mmkd.FLSWTemperature", gamma=gamma)
    loss = MODELS.build(dict(type="mmkd.KDLoss", temperature=temperature))
    assert loss(STUDENT, TEACHER).item() == pytest.approx(expected, abs=5e-7)


def test_wrong_arguments_are_refused_in_words():
    with pytest.raises(ValueError, match="positive"):
        KDLoss(temperature=0)
    with pytest.raises(ValueError, match="class_map"):
        KDLoss()(STUDENT, TEACHER[:, :3])
    with pytest.raises(ValueError, match="reduction"):
        KDLoss(reduction="median")(STUDENT, TEACHER)
