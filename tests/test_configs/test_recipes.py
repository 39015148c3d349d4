"""KD's, ER-KD's and EA-KD's configs agree with their names and with the literature's recipes."""

from functools import cache
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
from config_files import CLASSIFICATION, PAIRS, ROOT, base, composed
from mmengine.config import Config

DATASETS = ("cifar100", "cinic10", "tiny_imagenet", "imagenet")
ENDINGS = tuple(f"_{dataset}" for dataset in DATASETS)
KD = [pair for pair in PAIRS if pair.endswith(ENDINGS) and "_x3_" not in pair]
KD.remove("resnet50_resnet18_imagenet")  # SimKD's, with its recipe
ENTROPIES = [f"{method}/{pair}" for method in ("erkd", "eakd") for pair in KD]
OWN = ("fmnist", "_8e_")  # recipes of ours, for CPUs
BASELINES = [
    n for n in CLASSIFICATION if n.startswith("baseline/") and not any(own in n for own in OWN)
]
SLOW_RATE = ("MobileNetV2", "ShuffleV1", "ShuffleV2")


@cache
def load(name: str) -> Any:
    """The config of a baseline, or of a method and a pair, which need not be a file."""
    folder, _, stem = name.removesuffix(".py").partition("/")
    return Config.fromfile(ROOT / name) if folder == "baseline" else composed(stem, folder)


def dataset_of(name: str) -> str:
    stem = name.removesuffix(".py")
    return next(dataset for dataset in DATASETS if stem.endswith(f"_{dataset}"))


def network_of(spec: str, dataset: str) -> str:
    """The network that the name of a config file means."""
    return Path(spec).stem.removesuffix(f"_{dataset}").removesuffix("_8xb32_in1k")


@pytest.mark.parametrize("pair", KD)
def test_a_pair_is_the_one_in_its_name(pair: str) -> None:
    model, dataset = base("pairs", pair).model, dataset_of(pair)
    networks = [network_of(spec, dataset) for spec in (model.teacher.model, model.student)]
    assert pair == "_".join([*networks, dataset])


@pytest.mark.parametrize("pair", KD)
def test_a_teacher_is_where_its_own_training_leaves_it(pair: str) -> None:
    checkpoint = base("pairs", pair).model.teacher.checkpoint
    if dataset_of(pair) == "imagenet":
        assert checkpoint.startswith("https://")
        return
    work_dirs, training, file = Path(checkpoint).parts
    epochs = load(f"baseline/{training}.py").train_cfg.max_epochs
    assert (work_dirs, file) == ("work_dirs", f"epoch_{epochs}.pth")


@pytest.mark.parametrize("name", [*BASELINES, *ENTROPIES, *(f"kd/{pair}" for pair in KD)])
def test_the_recipe_is_the_literatures(name: str) -> None:
    config, dataset = load(name), dataset_of(name)
    if name.startswith("baseline") and "_384_" in name:
        return  # a recipe of ours
    student = Path(name).stem.removesuffix(f"_{dataset}")
    rate = 0.01 if student.endswith(SLOW_RATE) else 0.05
    batch = 128 if student.startswith("swin") else 64
    expected = (100, 0.2, 1e-4, [30, 60, 90], 512)
    if dataset != "imagenet":
        expected = (240, rate, 5e-4, [150, 180, 210], batch)
    optimizer, scheduler = config.optim_wrapper.optimizer, config.param_scheduler
    assert (
        config.train_cfg.max_epochs,
        optimizer.lr,
        optimizer.weight_decay,
        scheduler.milestones,
        config.auto_scale_lr.base_batch_size,
    ) == expected
    assert config.train_dataloader.batch_size == batch
    assert (optimizer.type, optimizer.momentum, scheduler.gamma) == ("SGD", 0.9, 0.1)


@pytest.mark.parametrize("name", ENTROPIES)
def test_the_weights_temperature_is_the_papers(name: str) -> None:
    """T' is 4 for ER-KD; for EA-KD 3, and 2 on ImageNet and under transformers."""
    config = load(name)
    weight = config.model.terms.kd.sample_weight
    assert weight.type.removeprefix("mmkd.") == (
        "EntropyWeight" if name.startswith("erkd") else "EntropyAdaptiveWeight"
    )
    cold = dataset_of(name) == "imagenet" or "_384_" in name
    assert weight.temperature == (4.0 if name.startswith("erkd") else 2.0 if cold else 3.0)
    loss, factors = config.model.terms.kd, (0.1, 0.9)
    if dataset_of(name) == "imagenet":
        factors = (0.5, 0.5) if name.startswith("erkd") else (1.0, 0.5)
    assert (config.model.student_loss_weight, loss.weight) == factors
    assert loss.loss.temperature == (1.0 if dataset_of(name) == "imagenet" else 4.0)
