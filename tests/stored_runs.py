"""Runs on a teacher store, and the store for them, for tests."""

from pathlib import Path
from typing import Any

from runs import checkpoints, config, convnet, distiller, initialised, loader

# isort: split
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner

from mmkd.hooks.model import distiller_of
from mmkd.store.building import StoreBuilder

EA = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
TERMS = dict(
    kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0), sample_weight=EA),
)
DATA = dict(type="CroppedImages", size=20)


@DATASETS.register_module()
class CroppedImages(DATASETS.get("TinyImages")):  # type: ignore[misc]
    """Images that are shifted at random."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = super().__getitem__(index)
        shift = torch.randint(0, 8, (2,)).tolist()
        return dict(item, inputs=item["inputs"].roll(shift, (1, 2)))


def settings(folder: Path, terms: Any = None, epochs: int = 2, **overrides: Any) -> Config:
    """Config of a run whose teacher is the file ``teacher.pth`` in the folder above its own."""
    file = folder.parent / "teacher.pth"
    if not file.exists():
        initialised(convnet(), file)
    data = dict(loader(shuffle=True), dataset=dict(DATA))
    hooks = dict(checkpoints()["default_hooks"], exact_resume=dict(type="mmkd.ExactResumeHook"))
    model = distiller(
        student=convnet(dropout=0.5),
        teacher=dict(model=convnet(), checkpoint=str(file)),
        terms=terms or TERMS,
    )
    fields = dict(
        train_dataloader=data,
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        default_hooks=hooks,
    )
    return config(folder, model, **fields | overrides)


def build(folder: Path, out: Path, run: dict[str, Any] | None = None, **arguments: Any) -> Path:
    """Build a store for the config of a run."""
    StoreBuilder(settings(folder, **run or {}), out, **arguments).build()
    return out


def go(
    folder: Path, store: Any = None, resume: bool = False, **run: Any
) -> tuple[list[float], Runner]:
    """Train, from a store if one is given; returns the sequence of losses, and the runner."""
    made = settings(folder, **run)
    made.resume = resume
    if store is not None:
        made.model.store = store if isinstance(store, dict) else dict(path=str(store))
        if not made.model.store.get("grow"):
            made.model.teacher.checkpoint = "not_here.pth"
    runner = Runner.from_cfg(made)
    losses: list[float] = []
    distiller_of(runner).observe(lambda step: losses.extend(v.item() for v in step.losses.values()))
    runner.train()
    return losses, runner
