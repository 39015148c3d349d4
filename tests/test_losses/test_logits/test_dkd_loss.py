import pytest
import torch

from mmkd.losses import DKDLoss, KDLoss, NCKDLoss, TCKDLoss
from mmkd.registry import MODELS
from mmkd.weights import EntropyWeight

STUDENT = torch.tensor(
    [[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5], [-0.4, 0.1, 0.9, 1.1]], dtype=torch.float64
)
TEACHER = torch.tensor(
    [[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1], [0, 0.2, 2.5, 2.4]], dtype=torch.float64
)
LABELS = torch.tensor([0, 1, 3])


def each(loss, student=STUDENT, teacher=TEACHER, labels=LABELS):
    return loss(student, teacher, labels=labels, reduction_override="none")


def test_parts_of_the_worked_example():
    assert each(TCKDLoss()).tolist() == pytest.approx([0.086137, 0.034626, 0.023256], abs=5e-7)
    assert each(NCKDLoss()).tolist() == pytest.approx([0.193888, 0.289465, 0.233126], abs=5e-7)


def test_dkd_and_er_dkd_of_the_worked_example():
    loss = DKDLoss()
    assert loss(STUDENT, TEACHER, labels=LABELS).item() == pytest.approx(1.958616, abs=5e-7)
    formula, released = (
        loss(STUDENT, TEACHER, labels=LABELS, weight=weight(STUDENT, TEACHER)).item()
        for weight in (EntropyWeight(), EntropyWeight(batch_mean=True))
    )
    assert formula == pytest.approx(2.619945, abs=5e-7)
    assert released == pytest.approx(2.612877, abs=5e-7)


def test_dkd_is_the_weighted_sum_of_its_parts():
    expected = 0.5 * each(TCKDLoss()) + 3 * each(NCKDLoss())
    torch.testing.assert_close(each(DKDLoss(0.5, 3.0, 4.0)), expected)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_kd_decouples_into_the_parts(temperature):
    p = (TEACHER / temperature).softmax(-1).gather(1, LABELS[:, None])[:, 0]
    parts = each(TCKDLoss(temperature)) + (1 - p) * each(NCKDLoss(temperature))
    torch.testing.assert_close(each(KDLoss(temperature)), parts)


def test_two_classes_have_no_others():
    student, teacher, labels = STUDENT[:, :2], TEACHER[:, :2], torch.tensor([0, 1, 0])
    assert each(NCKDLoss(), student, teacher, labels).count_nonzero() == 0
    both = each(DKDLoss(), student, teacher, labels)
    torch.testing.assert_close(both, each(KDLoss(), student, teacher))


@pytest.mark.parametrize("classes", [2, 3, 100])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_gradients(classes, samples, scale):
    generator = torch.Generator().manual_seed(classes)
    signs = torch.randint(0, 2, (2, samples, classes), generator=generator) * 2.0 - 1
    labels = torch.randint(0, classes, (samples,), generator=generator)
    student, teacher = (signs[0] * scale).requires_grad_(), signs[1] * scale
    value = DKDLoss()(student, teacher, labels=labels)
    value.backward()
    assert value.isfinite()
    assert value >= 0
    assert student.grad.isfinite().all()


def test_a_confident_prediction_keeps_its_digits_in_float32():
    """1 - p_y is 2e-9 here, which one minus a float32 probability would round to 0."""
    student, teacher = torch.tensor([[0.0, 10.0]]), torch.tensor([[0.0, 20.0]])
    labels = torch.tensor([1])
    value = TCKDLoss(1.0)(student, teacher, labels=labels).item()
    exact = TCKDLoss(1.0)(student.double(), teacher.double(), labels=labels).item()
    assert value == pytest.approx(exact, rel=1e-3)
    assert value > 0


def test_equal_networks_give_exactly_zero():
    student = (STUDENT.float() * 3).requires_grad_()
    value = DKDLoss()(student, student.detach().clone(), labels=LABELS)
    value.backward()
    assert value.item() == 0
    assert student.grad.abs().max() < 1e-5


def test_an_adjusted_target_is_what_is_decoupled():
    """The shift swaps two probabilities, which is as if the teacher's logits were swapped."""
    loss = MODELS.build(dict(type="mmkd.DKDLoss", target=dict(type="mmkd.ProbabilityShift")))
    shifted = TEACHER.clone()
    shifted[1] = TEACHER[1][[1, 0, 2, 3]]
    shifted[2] = TEACHER[2][[0, 1, 3, 2]]
    expected = each(DKDLoss(), teacher=shifted)
    torch.testing.assert_close(each(loss), expected)


def test_labels_are_needed():
    with pytest.raises(ValueError, match="DKDLoss needs labels"):
        DKDLoss()(STUDENT, TEACHER)
