"""Small runs for tests: images in memory, tiny networks, a few iterations on the CPU."""

import itertools
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from tiny import CLASSES, KD, PREPROCESSOR, batch, classifier

# isort: split
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmkd.networks.building import build_network, network_config

_count = itertools.count()


@DATASETS.register_module()
class TinyImages(Dataset):
    """Random images with random labels, the same for the same seed."""

    def __init__(self, size: int = 16, seed: int = 0, broken_from: int | None = None) -> None:
        self.metainfo = dict(classes=[f"class {index}" for index in range(CLASSES)])
        data = batch(size, seed)
        self.images, self.samples = data["inputs"].float(), data["data_samples"]
        if broken_from is not None:
            self.images[broken_from:] = float("nan")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return dict(inputs=self.images[index], data_samples=deepcopy(self.samples[index]))


@MODELS.register_module()
class TinyConvNet(nn.Module):
    """A backbone without BatchNorm: a batch's loss is the mean of the losses of its parts."""

    def __init__(self, width: int = 8, dropout: float = 0.0) -> None:
        super().__init__()
        self.layer1 = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.layer2 = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (self.layer2(self.dropout(self.relu(self.layer1(x)))),)


def convnet(width: int = 8, dropout: float = 0.0, **overrides: Any) -> dict[str, Any]:
    """Config of a classifier without BatchNorm."""
    backbone = dict(type="TinyConvNet", width=width, dropout=dropout)
    head = dict(type="LinearClsHead", num_classes=CLASSES, in_channels=width)
    return classifier() | dict(backbone=backbone, head=head) | overrides


def distiller(**overrides: Any) -> dict[str, Any]:
    """Config of a distiller with a random teacher, KD by default."""
    config = dict(type="mmkd.Distiller", student=classifier(), terms=KD, input_shape=(3, 16, 16))
    config.update(overrides)
    if "teachers" not in overrides:
        config.setdefault("teacher", dict(model=classifier(6)))
    return config


def loader(
    batch_size: int = 8, shuffle: bool = False, endless: bool = False, **dataset: Any
) -> dict[str, Any]:
    """Config of a data loader of :class:`TinyImages`, ``endless`` for iteration-based training."""
    sampler = "InfiniteSampler" if endless else "DefaultSampler"
    return dict(
        batch_size=batch_size,
        num_workers=0,
        dataset=dict(type="TinyImages", **dataset),
        sampler=dict(type=sampler, shuffle=shuffle),
    )


def config(work_dir: Path, model: dict[str, Any] | None = None, **overrides: Any) -> Config:
    """Config of two epochs of two iterations each; ``overrides`` replace its top-level fields."""
    settings = dict(
        default_scope="mmpretrain",
        custom_imports=dict(imports=["mmkd"]),
        experiment_name=f"run_{next(_count)}",
        work_dir=str(work_dir),
        model=model or distiller(),
        data_preprocessor=PREPROCESSOR,
        train_dataloader=loader(shuffle=True),
        train_cfg=dict(by_epoch=True, max_epochs=2, val_interval=1),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9)),
        default_hooks=dict(logger=dict(type="LoggerHook", interval=1), checkpoint=None),
        randomness=dict(seed=0),
        log_level="WARNING",
    )
    return Config(deepcopy({**settings, **overrides}))


def validation(**overrides: Any) -> dict[str, Any]:
    """Fields of a config that validate."""
    fields = dict(
        val_dataloader=loader(seed=1),
        val_cfg=dict(),
        val_evaluator=dict(type="Accuracy", topk=(1,)),
    )
    return {**fields, **overrides}


def checkpoints(**arguments: Any) -> dict[str, Any]:
    """Field of a config that saves checkpoints, with the student's beside them."""
    return dict(
        default_hooks=dict(
            checkpoint=dict(type="CheckpointHook", **{"interval": 1, **arguments}),
            logger=dict(type="LoggerHook", interval=1),
        ),
        custom_hooks=[dict(type="mmkd.StudentCheckpointHook")],
    )


def initialised(model: dict[str, Any], path: Path, seed: int = 0) -> Path:
    """Write random weights for a model config to a file, large enough to give varied outputs."""
    network = build_network(network_config(model))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.5, generator=generator)
    torch.save(dict(state_dict=network.state_dict()), path)
    return path


def run(work_dir: Path, model: dict[str, Any] | None = None, **overrides: Any) -> Runner:
    """Train, and return the runner."""
    runner = Runner.from_cfg(config(work_dir, model, **overrides))
    runner.train()
    return runner


def weights(runner: Runner) -> dict[str, Tensor]:
    """The student's weights and buffers, under its own keys, whether distilled or not."""
    model = runner.model
    return dict(getattr(model, "student", model).state_dict())


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Tell whether two state dicts are equal bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def log_text(runner: Runner) -> str:
    """Return the text that all runs in its work_dir logged."""
    return "".join(path.read_text() for path in Path(runner.work_dir).rglob("*.log"))


def logged(runner: Runner) -> list[dict[str, Any]]:
    """The lines of the run's scalars.json."""
    [path] = Path(runner.log_dir).rglob("scalars.json")
    return [json.loads(line) for line in path.read_text().splitlines()]


def scalars(runner: Runner, name: str) -> list[float]:
    """The history of a scalar in the run's message hub."""
    return [float(value) for value in runner.message_hub.get_scalar(name).data[0]]


@pytest.fixture(autouse=True)
def separate_runs(monkeypatch):
    """Leave no run behind that another test could take for its own."""
    # Most of the time of so small a run: MMEngine formats its config's text for each checkpoint.
    monkeypatch.setattr("yapf.yapflib.yapf_api.FormatCode", lambda text, **_: (text, True))
    yield
    MessageHub._instance_dict.clear()
