"""Small runs with random images, dropout and masks, for tests."""

import random
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import mmkd  # noqa: F401

# isort: split
import numpy as np
import torch
from mmengine.dist import barrier, get_rank
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from runs import TinyImages, checkpoints, convnet, distiller, initialised, loader, run, validation
from tiny import KD

LAST = dict(student="backbone", teacher="backbone")
MASKED = dict(LAST, loss=dict(type="mmkd.MGDLoss", mask_ratio=0.5))
HOOK = dict(exact_resume=dict(type="mmkd.ExactResumeHook"))


@DATASETS.register_module()
class NoisyImages(TinyImages):
    """Images with noise of each of the random generators that augmentations draw from."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = super().__getitem__(index)
        noise = float(torch.rand(())) + np.random.rand() + random.random()
        return dict(item, inputs=item["inputs"] + 20 * noise)


@DATASETS.register_module()
class UnseededImages(NoisyImages):
    """Images with noise of a generator that no seed reaches."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = super().__getitem__(index)
        return dict(item, inputs=item["inputs"] + np.random.default_rng().random())


def go(
    folder: Path,
    end: int,
    *,
    by_epoch: bool = True,
    exact: bool = True,
    workers: int = 0,
    persistent: bool = True,
    endless: bool | None = None,
    loop: Mapping[str, Any] = MappingProxyType({}),
    **overrides: Any,
) -> Runner:
    """Train to the epoch ``end``, or the iteration, with a checkpoint and a validation after each.

    ``loop`` has further fields of ``train_cfg``; ``endless`` tells whether the sampler is, by
    default that of a loop over iterations. The teacher's weights are those of the file
    ``teacher.pth`` beside the folder.
    """
    data = loader(shuffle=True, endless=not by_epoch if endless is None else endless)
    data |= dict(num_workers=workers, persistent_workers=persistent and workers > 0)
    data["dataset"] = dict(type="NoisyImages")
    length = dict(max_epochs=end) if by_epoch else dict(max_iters=end)
    fields = dict(validation(), **checkpoints(by_epoch=by_epoch))
    fields["default_hooks"] |= HOOK if exact else {}
    return run(
        folder,
        distiller(
            student=convnet(dropout=0.5),
            teacher=dict(model=convnet(), checkpoint=str(folder.parent / "teacher.pth")),
            terms=dict(KD, mgd=MASKED),
        ),
        train_cfg=dict(by_epoch=by_epoch, val_interval=1, **length, **loop),
        **dict(fields, train_dataloader=data) | overrides,
    )


def whole_and_resumed(folder: Path, **arguments: Any) -> tuple[Runner, Runner]:
    """Return a run to 3, and one that was resumed at 1; both with the same arguments of `go`."""
    if get_rank() == 0:
        initialised(convnet(), folder / "teacher.pth")
    barrier()
    whole = go(folder / "whole", 3, **arguments)
    go(folder / "parts", 1, **arguments)
    return whole, go(folder / "parts", 3, resume=True, **arguments)
