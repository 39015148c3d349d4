"""Every config of a classifier trains two iterations and validates one batch, file or not.

The data are generated in the real files' format; digits are the real ones. Networks have their full
size and random weights, but for transformers, which are narrow and of one layer a stage. ImageNet's
images are cropped to 64 pixels, and terms that would begin later act from the first epoch on.
Detectors have their own tests beside this file.
"""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from config_files import ALL, CLASSIFICATION, PINNED, ROOT, composed
from make_cifar100 import write_cifar100
from make_fashion_mnist import write_fashion_mnist
from mmengine.config import Config
from runs import separate_runs  # noqa: F401
from small_folders import write_cinic10, write_imagenet, write_tiny_imagenet

from mmkd.engine import SafeRunner
from mmkd.networks.building import network_config
from mmkd.registry import MODELS

BATCH = 4
# From cheap to dear. The cheapest config of these folders is tested always, the others when slow.
ALWAYS = ("baseline", "kd", "erkd", "eakd", "dynamickd", "ka_dtd", "demkd", "quickstart")
DATASETS = ("digits", "fmnist8k", "cifar100", "cinic10", "tiny_imagenet", "imagenet")
WRITERS = {
    "CIFAR100": lambda root: write_cifar100(root, train=2 * BATCH, test=BATCH),
    "ImageNet": write_imagenet,
    "mmkd.CIFAR100": lambda root: write_cifar100(root, train=2 * BATCH, test=BATCH),
    "mmkd.CINIC10": lambda root: write_cinic10(root, each=1),
    "mmkd.FashionMNIST": lambda root: write_fashion_mnist(root, seed=0),
    "mmkd.TinyImageNet": lambda root: write_tiny_imagenet(root, classes=200, train=1, val=200),
}
# What the test changes beside `data_root`: the files' checksums, and the subset of larger data.
CHANGES = {"CIFAR100": {"type": "GeneratedCIFAR100"}, "mmkd.FashionMNIST": {"subset": None}}
SIDES = {"RandomResizedCrop": "scale", "ResizeEdge": "scale", "CenterCrop": "crop_size"}
VIT = {"embed_dims": 32, "num_layers": 1, "num_heads": 2, "feedforward_channels": 32}
SWIN = {"embed_dims": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8]}
# Pairs and methods that have no file.
COMPOSED = [
    (pair, method)
    for method, pairs in PINNED.items()
    for pair in pairs
    if not pair.endswith("_coco")
]
# Architecture and width of the last features of a small transformer.
TRANSFORMERS = {
    "VisionTransformer": (VIT, 32),
    "DistilledVisionTransformer": (VIT, 32),
    "SwinTransformer": (SWIN, 96),
}


def cost(name: str) -> tuple[int, bool, str]:
    ranks = (i for i, data in enumerate(DATASETS) if name.endswith(f"_{data}.py"))
    return next(ranks, len(DATASETS)), "resnet8x4" not in name, name


FAST = {
    min((name for name in CLASSIFICATION if name.startswith(f"{folder}/")), key=cost)
    for folder in ALWAYS
}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """Return a function that gives the folder of a dataset's files, which it writes once."""
    folder, written = tmp_path_factory.mktemp("data"), {}

    def write(dataset: str) -> dict[str, Any]:
        if dataset == "mmkd.Digits":
            return {}
        if dataset not in written:
            assert dataset in WRITERS, f"write data for {dataset} in {Path(__file__).name}"
            written[dataset] = str(WRITERS[dataset](folder / dataset))
        return dict(data_root=written[dataset], **CHANGES.get(dataset, {}))

    return write


@pytest.fixture
def work_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder that is emptied at once: checkpoints are large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmengine.model.weight_init.PretrainedInit.__call__", lambda *_: None)


def small(spec: Any) -> Any:
    """A network's config with a transformer made small; other networks as they are given."""
    config = network_config(spec)
    kind = config.get("backbone", {}).get("type")
    if kind not in TRANSFORMERS:
        return spec
    arch, width = TRANSFORMERS[kind]
    config["backbone"]["arch"] = arch
    config["head"]["in_channels"] = width
    return config


def shortened(config: Config, name: str, work_dir: Path, data: Any) -> Config:
    """The config on small data, one epoch of two iterations, with random teachers."""
    config.work_dir = str(work_dir)
    # MMEngine's names tell seconds: those of two quick runs could be the same.
    config.experiment_name = name
    config.train_cfg.max_epochs = 1
    config.load_from = None
    config.default_hooks.checkpoint.update(save_optimizer=False, save_param_scheduler=False)
    for loader, size in ((config.train_dataloader, 2 * BATCH), (config.val_dataloader, BATCH)):
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
        imagenet = loader.dataset.type == "ImageNet"
        loader.dataset.update(data(loader.dataset.type), indices=size)
        for transform in loader.dataset.pipeline if imagenet else ():
            if transform.type in SIDES:
                transform[SIDES[transform.type]] = 64
    config.test_dataloader = config.val_dataloader
    if config.model.type == "mmkd.Distiller":
        shorten_distillation(config.model)
    else:
        config.model = small(config.model)
    return config


def shorten_distillation(model: Any) -> None:
    """Make the networks and inputs small, the teachers random, and the terms act at once."""
    if model.get("input_shape") == (3, 224, 224):
        model.input_shape = (3, 64, 64)
    model.student = small(model.student)
    for teacher in (model.get("teachers") or dict(teacher=model.teacher)).values():
        teacher.update(model=small(teacher.model), checkpoint=None)
    if "student_loss_schedule" in model:
        model.student_loss_schedule.begin = 0
    for term in model.terms.values():
        if "schedule" in term:
            term.schedule.begin = 0
        if "num_samples" in term.get("loss", {}):
            # CRD's memory of ImageNet takes 1.3 GB, in each checkpoint too.
            term.loss.num_samples = min(term.loss.num_samples, 50_000)


@pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
        for name in CLASSIFICATION
    ],
)
def test_it_trains_and_validates(name: str, work_dir: Path, data: Any) -> None:
    experiment = name.removesuffix(".py").replace("/", "_")
    train(shortened(Config.fromfile(ROOT / name), experiment, work_dir, data))


@pytest.mark.slow
@pytest.mark.parametrize(("pair", "method"), COMPOSED)
def test_a_pair_trains_by_a_method(pair: str, method: str, work_dir: Path, data: Any) -> None:
    config = composed(pair, *method.split("+"))
    train(shortened(config, f"{method}_{pair}", work_dir, data))


def train(config: Config) -> None:
    """Train a shortened run, and look at what it logged and saved."""
    runner = SafeRunner.from_cfg(config)
    runner.train()
    assert runner.iter == 2
    scalars = {key for key in runner.message_hub.log_scalars if key.startswith(("train", "val"))}
    assert {"train/loss", "val/accuracy/top1", "val/calibration/ece"} <= scalars
    if type(runner.model).__name__ == "Distiller":
        assert {f"train/loss_{term}" for term in runner.model.terms} <= scalars
        assert runner.model.terms.keys() == runner.cfg.model.terms.keys()
        assert Path(config.work_dir, "epoch_1_student.pth").is_file()


@pytest.mark.parametrize("name", ["deit_base", "vit_large", "swin_large"])
def test_transformer_teachers_see_what_they_were_trained_on(name: str) -> None:
    """The student's batch at 384 pixels, under the teacher's own mean and std."""
    config = composed(f"{name}_384_ResNet18_tiny_imagenet", "kd")
    shorten_distillation(config.model)
    config.model.data_preprocessor = config.data_preprocessor
    distiller = MODELS.build(config.model)
    white = torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)
    inputs = distiller.data_preprocessor(dict(inputs=white))["inputs"]
    assert inputs.shape == (2, 3, 64, 64)
    seen = distiller.teachers["teacher"].prepare(inputs)
    assert seen.shape == (2, 3, 384, 384)
    mean, std = (127.5, 127.5) if name == "vit_large" else (123.675, 58.395)
    torch.testing.assert_close(seen[:, 0], torch.full((2, 384, 384), (255 - mean) / std))


@pytest.mark.parametrize("name", ALL)
def test_it_is_short(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert sum(bool(line.strip()) and not line.startswith("#") for line in lines) <= 20, (
        "a config states what differs from its bases"
    )


def test_no_config_is_forgotten() -> None:
    """Every file of the tree is a base, or trained by a test, or compared with pair and method."""
    marks = marks_of(test_it_trains_and_validates)
    for name in ("test_detection_configs_run", "test_methods"):
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        marks += [m for n, f in vars(module).items() if n[:5] == "test_" for m in marks_of(f)]
    values = [getattr(case, "values", (case,)) for mark in marks for case in mark.args[1]]
    tested = {value[0][0] if isinstance(value[0], tuple) else value[0] for value in values}
    files = {path.relative_to(ROOT) for path in ROOT.rglob("*.py")}
    assert {str(file) for file in files if file.parts[0] != "_base_"} <= tested


def marks_of(function: Any) -> list[Any]:
    """The parametrizations of a test."""
    return [m for m in getattr(function, "pytestmark", ()) if m.name == "parametrize"]
