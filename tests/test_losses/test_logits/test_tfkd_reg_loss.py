"""Tf-KD's regularisation, against numpy and against PyTorch's KLDivLoss as released."""

import numpy as np
import pytest
import tiny
import torch
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax, softmax

from mmkd.losses import TfKDRegLoss
from mmkd.registry import MODELS

generator = torch.Generator().manual_seed(0)
LOGITS = 2 * torch.randn(6, 10, generator=generator, dtype=torch.float64)
LABELS = torch.tensor([0, 9, 4, 4, 2, 7])
RELEASED = dict(softening="softmax", temper_student=False, divide_by_classes=True)


def designed(a: float) -> np.ndarray:
    table = np.full((6, 10), (1 - a) / 9)
    table[range(6), LABELS] = a
    return table


def divergence(p: np.ndarray, logits: np.ndarray) -> np.ndarray:
    log_q = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return (p * (np.log(p) - log_q)).sum(1)


def each(loss, logits=LOGITS, labels=LABELS):
    return loss(logits, labels, reduction_override="none")


@pytest.mark.parametrize(("alpha", "a", "temperature"), [(0.1, 0.99, 20.0), (0.95, 0.9, 40.0)])
def test_each_samples_loss_is_the_papers(alpha, a, temperature):
    power = designed(a) ** (1 / temperature)
    p = power / power.sum(1, keepdims=True)
    error = cross_entropy(LOGITS, LABELS, reduction="none").numpy()
    expected = (1 - alpha) * error + alpha * divergence(p, LOGITS.numpy() / temperature)
    found = each(TfKDRegLoss(alpha, a, temperature))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    loss = TfKDRegLoss(alpha, a, temperature, loss_weight=3.0)
    assert loss(LOGITS, LABELS).item() == pytest.approx(3 * expected.mean())


@pytest.mark.parametrize(("alpha", "temperature", "multiplier"), [(0.1, 20, 100), (0.95, 40, 1)])
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_the_options_together_are_the_released_code(alpha, temperature, multiplier):
    """Its default KLDivLoss averages over samples and classes."""
    teacher = torch.from_numpy(designed(0.99))
    kl = nn.KLDivLoss()(log_softmax(LOGITS, 1), softmax(teacher / temperature, 1)) * multiplier
    expected = (1 - alpha) * cross_entropy(LOGITS, LABELS) + alpha * kl
    loss = TfKDRegLoss(alpha, temperature=temperature, multiplier=multiplier, **RELEASED)
    torch.testing.assert_close(loss(LOGITS, LABELS), expected)


def test_each_option_departs_from_the_formula_by_itself():
    loss, error = TfKDRegLoss(1.0), cross_entropy(LOGITS, LABELS, reduction="none")
    torch.testing.assert_close(each(TfKDRegLoss(0.0)), error)
    torch.testing.assert_close(each(TfKDRegLoss(1.0, divide_by_classes=True)), each(loss) / 10)
    torch.testing.assert_close(each(TfKDRegLoss(1.0, multiplier=7.0)), each(loss) * 7)
    torch.testing.assert_close(
        each(TfKDRegLoss(1.0, temper_student=False)), each(loss, LOGITS * 20)
    )
    p = softmax(torch.from_numpy(designed(0.99)) / 20, 1).numpy()
    expected = divergence(p, LOGITS.numpy() / 20)
    found = each(TfKDRegLoss(1.0, softening="softmax"))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(("softening", "value"), [("power", 0.13498), ("softmax", 0.10450)])
def test_the_softened_teacher_of_ten_classes(softening, value):
    """Figure 3 of the paper has 0.15 and 0.095 for ten classes at temperature 20."""
    log_teacher = TfKDRegLoss(softening=softening).designed(LOGITS, LABELS)
    torch.testing.assert_close(log_teacher.exp().sum(1), torch.ones(6, dtype=torch.float64))
    assert log_teacher.exp()[2, 4].item() == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize("temper_student", [True, False])
def test_a_student_that_is_the_designed_teacher_has_no_divergence(temper_student):
    loss = TfKDRegLoss(1.0, temper_student=temper_student)
    student = loss.designed(LOGITS, LABELS) * (20 if temper_student else 1) + 5
    student.requires_grad_()
    values = each(loss, student)
    values.sum().backward()
    assert values.detach().abs().max() < 1e-12
    assert student.grad.abs().max() < 1e-12


@pytest.mark.parametrize("arguments", [{}, RELEASED], ids=["paper", "released"])
@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_extremes_give_finite_values_and_gradients(arguments, classes, samples, scale):
    signs = torch.randint(0, 2, (samples, classes), generator=generator) * 2.0 - 1
    logits = (signs * scale).requires_grad_()
    value = TfKDRegLoss(**arguments)(logits, torch.zeros(samples, dtype=torch.long))
    value.backward()
    assert value.isfinite()
    assert logits.grad.isfinite().all()


def test_it_reduces_as_mmpretrains_losses_do():
    loss, weight = TfKDRegLoss(), torch.tensor([1.0, 0, 2, 3, 1, 1], dtype=torch.float64)
    values = each(loss)
    torch.testing.assert_close(loss(LOGITS, LABELS, weight), (values * weight).mean())
    torch.testing.assert_close(loss(LOGITS, LABELS, avg_factor=3), values.sum() / 3)
    torch.testing.assert_close(loss(LOGITS, LABELS, reduction_override="sum"), values.sum())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(LOGITS.float(), LABELS), loss(LOGITS.float(), LABELS))
        assert loss(LOGITS.bfloat16(), LABELS).dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (dict(alpha=1.5), "alpha is a share"),
        (dict(correct_probability=1.0), r"in \(0, 1\)"),
        (dict(temperature=0), "must be positive"),
        (dict(softening="log"), "power, softmax"),
    ],
)
def test_wrong_settings_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        TfKDRegLoss(**arguments)


def test_a_teacher_that_is_wrong_is_refused():
    with pytest.raises(ValueError, match="designed teacher would be wrong"):
        TfKDRegLoss(correct_probability=0.1)(LOGITS, LABELS)
    with pytest.raises(ValueError, match="With 1 classes"):
        TfKDRegLoss()(LOGITS[:, :1], LABELS * 0)


def plain(**overrides):
    """A classifier of mmpretrain, which no distiller trains."""
    # A copy, to which the classifier adds its augmentations.
    config = tiny.classifier(data_preprocessor=dict(tiny.PREPROCESSOR), **overrides)
    config["head"]["loss"] = dict(type="mmkd.TfKDRegLoss")
    return MODELS.build(config)


def test_it_is_the_loss_of_a_head():
    model = plain()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    assert model.train_step(tiny.batch(), wrapper)["loss"] > 0
    assert not any("loss" in key for key in model.state_dict())


def test_it_is_no_loss_of_a_term():
    with pytest.raises(ValueError, match="take it as the loss of the head"):
        tiny.distiller(terms=dict(reg=dict(loss=dict(type="mmkd.TfKDRegLoss"))))


def test_soft_labels_are_refused_in_words():
    model = plain(train_cfg=dict(augments=dict(type="Mixup", alpha=0.8)))
    data = model.data_preprocessor(tiny.batch(), True)
    with pytest.raises(ValueError, match=r"scores of shape \(4, 5\): remove .* Mixup"):
        model(**data, mode="loss")
