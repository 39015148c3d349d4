"""Configs without a larger teacher agree with Tf-KD's code, and name one network."""

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from config_files import ALL, ROOT
from mmengine.config import Config
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax, softmax

from mmkd.registry import MODELS

SELF = [name for name in ALL if name.startswith(("tfkd_self/", "born_again/"))]
STUDENT, TEACHER = 3 * torch.randn(2, 8, 100, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(8)


@pytest.mark.parametrize("name", SELF)
def test_the_teacher_is_the_student_trained_before(name: str) -> None:
    model = Config.fromfile(ROOT / name).model
    assert model.teacher.model == model.student
    folder, training, file = model.teacher.checkpoint.split("/")
    epochs = Config.fromfile(ROOT / f"baseline/{training}.py").train_cfg.max_epochs
    assert (folder, file) == ("work_dirs", f"epoch_{epochs}.pth")
    network, _, data = training.rpartition("_")
    assert name.endswith(f"/{network}_{network}_{data}.py")


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_tfkd_selfs_weights_are_the_released_ones() -> None:
    """alpha 0.95, temperature 6, and 50 times a divergence in the mean over 100 classes."""
    kl = nn.KLDivLoss()(log_softmax(STUDENT / 6, 1), softmax(TEACHER / 6, 1)) * 36 * 50
    expected = 0.05 * cross_entropy(STUDENT, LABELS) + 0.95 * kl
    model = Config.fromfile(ROOT / "tfkd_self/ResNet18_ResNet18_cifar100.py").model
    loss = MODELS.build(model.terms.kd.loss)
    found = model.student_loss_weight * cross_entropy(STUDENT, LABELS)
    found = found + model.terms.kd.weight * loss(STUDENT, TEACHER)
    torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_tfkd_regs_settings_are_the_released_ones() -> None:
    """alpha 0.1, temperature 20, and 100 times a divergence in the mean over 100 classes."""
    probabilities = torch.full((8, 100), 0.01 / 99)
    probabilities[range(8), LABELS] = 0.99
    kl = nn.KLDivLoss()(log_softmax(STUDENT, 1), softmax(probabilities / 20, 1)) * 100
    expected = 0.9 * cross_entropy(STUDENT, LABELS) + 0.1 * kl
    for name in ("ResNet18_cifar100", "resnet8_w8_fmnist8k"):
        loss = Config.fromfile(ROOT / f"tfkd_reg/{name}.py").model.head.loss
        torch.testing.assert_close(MODELS.build(loss)(STUDENT, LABELS), expected)
