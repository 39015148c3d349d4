import pytest
import torch

from mmkd.logits import FLSWTemperature, LabelSmoothReplace, ProbabilityShift, Standardize
from mmkd.logits.decouple import non_target, target_split
from mmkd.losses import KDLoss

STUDENT = torch.tensor(
    [[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5], [-0.4, 0.1, 0.9, 1.1]], dtype=torch.float64
)
TEACHER = torch.tensor(
    [[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1], [0, 0.2, 2.5, 2.4]], dtype=torch.float64
)
LABELS = torch.tensor([0, 1, 3])


def test_standardised_logits_have_mean_zero_and_deviation_one():
    z = Standardize()(TEACHER)
    torch.testing.assert_close(z.mean(-1), torch.zeros(3, dtype=z.dtype))
    torch.testing.assert_close(z.std(-1), torch.ones(3, dtype=z.dtype), rtol=1e-6, atol=0)


def test_standardising_equal_logits_gives_zero_and_a_finite_gradient():
    logits = torch.full((2, 4), 3.0, requires_grad=True)
    z = Standardize()(logits)
    z.sum().backward()
    assert z.count_nonzero() == 0
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [
        (1.0, [13.243642, 4.589799, 12.166559]),
        (0.5, [15.742883, 1.666554, 12.590563]),
        (2.0, [10.745813, 8.574591, 10.679596]),
    ],
)
def test_temperatures_of_the_worked_example(gamma, expected):
    temperature = FLSWTemperature(gamma=gamma)(STUDENT, TEACHER)
    assert temperature.tolist() == pytest.approx(expected, abs=5e-6)
    assert temperature.mean().item() == pytest.approx(10.0)


def test_temperature_is_detached_and_has_a_floor():
    student = STUDENT.clone().requires_grad_()
    temperature = FLSWTemperature(bias=1000.0, min=2.0)(student, TEACHER)
    assert not temperature.requires_grad
    assert temperature.min() == 2.0
    with pytest.raises(ValueError, match="floor"):
        FLSWTemperature(min=0.0)


def test_probability_shift_of_the_worked_example():
    adjusted = ProbabilityShift()((TEACHER / 20).log_softmax(-1), LABELS).exp()
    expected = [[0.259581, 0.262189, 0.245689, 0.232541], [0.234154, 0.236507, 0.264008, 0.265331]]
    torch.testing.assert_close(
        adjusted[1:], torch.tensor(expected, dtype=adjusted.dtype), rtol=0, atol=5e-7
    )


def test_probability_shift_keeps_correct_samples_and_every_probability():
    log_probabilities = TEACHER.log_softmax(-1)
    adjusted = ProbabilityShift()(log_probabilities, LABELS)
    assert torch.equal(adjusted[0], log_probabilities[0])
    assert torch.equal(adjusted.sort(-1).values, log_probabilities.sort(-1).values)
    assert torch.equal(adjusted.argmax(-1), LABELS)


def test_label_smoothing_of_the_worked_example():
    log_probabilities = (TEACHER / 20).log_softmax(-1)
    adjusted = LabelSmoothReplace()(log_probabilities, LABELS)
    assert torch.equal(adjusted[0], log_probabilities[0])
    expected = torch.full((2, 4), 0.24625, dtype=adjusted.dtype)
    expected[0, 1] = expected[1, 3] = 0.26125
    torch.testing.assert_close(adjusted[1:].exp(), expected)
    loss = KDLoss(temperature=20.0, target=LabelSmoothReplace())
    assert loss(STUDENT, TEACHER, labels=LABELS).item() == pytest.approx(0.145625, abs=5e-7)


@pytest.mark.parametrize("kind", [ProbabilityShift, LabelSmoothReplace])
def test_statistics_are_the_share_of_adjusted_samples(kind):
    target = kind()
    assert target.statistics() == {}
    KDLoss(target=target)(STUDENT, TEACHER, labels=LABELS)
    assert target.statistics() == {"adjusted": pytest.approx(2 / 3)}


@pytest.mark.parametrize("target", [ProbabilityShift(), LabelSmoothReplace()])
def test_a_teacher_that_is_right_keeps_every_target(target):
    labels = TEACHER.argmax(-1)
    adjusted = KDLoss(target=target)(STUDENT, TEACHER, labels=labels)
    assert adjusted.item() == KDLoss()(STUDENT, TEACHER).item()


@pytest.mark.parametrize("epsilon", [1e-6, 0.5, 1.0])
def test_smoothed_labels_are_a_distribution(epsilon):
    adjusted = LabelSmoothReplace(epsilon)(TEACHER.log_softmax(-1), LABELS)
    torch.testing.assert_close(adjusted.exp().sum(-1), torch.ones(3, dtype=adjusted.dtype))
    assert adjusted.isfinite().all()


@pytest.mark.parametrize("epsilon", [0.0, 1.1])
def test_an_epsilon_that_is_no_share_is_refused_in_words(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        LabelSmoothReplace(epsilon)


def test_decoupled_distributions_are_those_of_the_probabilities():
    log_probabilities = TEACHER.log_softmax(-1)
    binary, others = target_split(log_probabilities, LABELS), non_target(log_probabilities, LABELS)
    for i, label in enumerate(LABELS.tolist()):
        probabilities = TEACHER[i].softmax(-1)
        own = probabilities[label]
        torch.testing.assert_close(binary[i].exp(), torch.stack([own, 1 - own]))
        rest = probabilities[torch.arange(4) != label]
        torch.testing.assert_close(others[i].exp(), rest / rest.sum())
