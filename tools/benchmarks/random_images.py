"""Random images of 32 x 32 pixels, loaded through CIFAR-100's pipeline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmpretrain.datasets import BaseDataset
from torch.utils.data import DataLoader

from mmkd.loading import build_loader
from mmkd.randomness import load_by_position
from mmkd.registry import DATASETS

CONFIG = Config.fromfile(
    Path(__file__).resolve().parents[2] / "configs/_base_/datasets/cifar100.py"
)


@DATASETS.register_module()
class RandomImages(BaseDataset):
    """Random images of 32 x 32 pixels in 100 classes.

    Args:
        count: Number of images.
        **arguments: Arguments of mmpretrain's ``BaseDataset``.
    """

    def __init__(self, count: int, **arguments: Any) -> None:
        self.count = count
        super().__init__(ann_file="", **arguments)

    def load_data_list(self) -> list[dict[str, Any]]:
        images = np.random.default_rng(0).integers(0, 256, (self.count, 32, 32, 3), dtype=np.uint8)
        return [dict(img=image, gt_label=index % 100) for index, image in enumerate(images)]


def loader_of(images: int, batch_size: int, kind: str | None = None) -> DataLoader[Any]:
    """Return a loader of random images that works in this process, by position as in a run.

    Args:
        images: Number of images.
        batch_size: Images in a batch.
        kind: Type of mmkd's loader; by default torch's.
    """
    settings = CONFIG.train_dataloader.to_dict()
    pipeline = [{**each, "_scope_": "mmpretrain"} for each in CONFIG.train_pipeline]
    data = dict(type="mmkd.RandomImages", count=images, pipeline=pipeline)
    settings |= dict(dataset=data, batch_size=batch_size, num_workers=0)
    settings |= dict(persistent_workers=False, collate_fn=dict(type="default_collate"))
    loader = build_loader(settings if kind is None else dict(settings, type=kind), seed=0)
    load_by_position(loader, seed=0)
    return loader


def endless(loader: DataLoader[Any]) -> Iterator[Any]:
    """Yield batches epoch by epoch, without end."""
    while True:
        yield from loader
