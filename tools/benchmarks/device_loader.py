"""Measure the images a second of mmkd.DeviceLoader beside torch's loader, without a network.

Both load random images of 32 x 32 pixels through the pipeline and the data preprocessor of
configs/_base_/datasets/cifar100.py, in this process alone, by position as in a run. They take
turns; the numbers are medians over turns.
"""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmpretrain.datasets import BaseDataset
from torch.utils.data import DataLoader

from mmkd.compat.machine import machine
from mmkd.loading import build_loader
from mmkd.randomness import load_by_position
from mmkd.registry import DATASETS, MODELS

CONFIG = Path(__file__).resolve().parents[2] / "configs/_base_/datasets/cifar100.py"


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


def loader_of(kind: str | None, arguments: Any) -> DataLoader[Any]:
    config = Config.fromfile(CONFIG)
    settings = config.train_dataloader.to_dict()
    pipeline = [{**each, "_scope_": "mmpretrain"} for each in config.train_pipeline]
    data = dict(type="mmkd.RandomImages", count=arguments.images, pipeline=pipeline)
    settings |= dict(dataset=data, batch_size=arguments.batch_size, num_workers=0)
    settings |= dict(persistent_workers=False, collate_fn=dict(type="default_collate"))
    loader = build_loader(settings if kind is None else dict(settings, type=kind), seed=0)
    load_by_position(loader, seed=0)
    return loader


def batches(loader: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=20, help="of each loader in a round")
    arguments = parser.parse_args()
    settings = Config.fromfile(CONFIG).data_preprocessor.to_dict()
    preprocess = MODELS.build(dict(type="mmpretrain.ClsDataPreprocessor", **settings))
    preprocess.to(get_device())
    running = {}
    for name, kind in {"torch's loader": None, "mmkd.DeviceLoader": "mmkd.DeviceLoader"}.items():
        begun = time.perf_counter()
        running[name] = batches(loader_of(kind, arguments))
        preprocess(next(running[name]), True)
        print(f"{name}: ready after {time.perf_counter() - begun:.1f} s")
    speeds: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(arguments.rounds):
        for name, stream in running.items():
            begun = time.perf_counter()
            for batch in islice(stream, arguments.batches):
                preprocess(batch, True)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            images = arguments.batches * arguments.batch_size
            speeds[name].append(images / (time.perf_counter() - begun))
    print(machine())
    first = median(next(iter(speeds.values())))
    for name, found in speeds.items():
        print(f"{name:18} {median(found):9.0f} images/s  {median(found) / first:6.2f}")


if __name__ == "__main__":
    main()
