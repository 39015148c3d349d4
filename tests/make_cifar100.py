"""Generate a small CIFAR-100 in the real files' format, for tests.

mmpretrain checks the files of its ``CIFAR100`` against fixed checksums, which no generated file can
meet, and has no option to leave that out. Importing this module therefore registers
``GeneratedCIFAR100`` for mmpretrain: the same class, which reads the same files, without checksums
and without a download. Another process does the same with ``PYTHONPATH=tests`` and
``--cfg-options custom_imports.imports="['mmkd','make_cifar100']"``.
"""

import pickle
from pathlib import Path
from typing import Any, ClassVar

import mmkd  # noqa: F401  (before mmpretrain: lets torchvision import beside a CPU torch)

# isort: split
import numpy as np
from mmpretrain.datasets import CIFAR100
from mmpretrain.registry import DATASETS

CLASSES = 100


@DATASETS.register_module(force=True)
class GeneratedCIFAR100(CIFAR100):
    """mmpretrain's CIFAR-100 reader, whatever the files' checksums."""

    train_list: ClassVar = [["train", None]]
    test_list: ClassVar = [["test", None]]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"download": False, **kwargs})


def write_cifar100(root: Path, train: int = 200, test: int = 100, seed: int = 0) -> Path:
    """Write ``root/cifar-100-python/{train,test,meta}`` with images that can be learnt.

    Classes go round (0, 1, ..., 99, 0, ...); an image is its class's colour pattern and noise.

    Args:
        root: what a config calls ``data_root``.
        train: number of training images.
        test: number of test images.
        seed: seed of patterns and noise.

    Returns:
        ``root``.
    """
    folder = root / CIFAR100.base_folder
    folder.mkdir(parents=True)
    generator = np.random.RandomState(seed)
    # 4x4 patches per channel, so that a pattern survives the random crop.
    patterns = generator.uniform(40, 215, (CLASSES, 3, 4, 4)).repeat(8, axis=2).repeat(8, axis=3)
    for name, size in (("train", train), ("test", test)):
        labels = np.arange(size) % CLASSES
        noise = generator.normal(0, 20, (size, 3, 32, 32))
        images = (patterns[labels] + noise).clip(0, 255).astype(np.uint8)
        content = {
            "filenames": [f"{name}_{i:05d}.png" for i in range(size)],
            "batch_label": f"{name}ing batch 1 of 1",
            "fine_labels": labels.tolist(),
            "coarse_labels": (labels // 5).tolist(),
            "data": images.reshape(size, -1),
        }
        (folder / name).write_bytes(pickle.dumps(content))
    meta = {
        "fine_label_names": list(CIFAR100.METAINFO["classes"]),
        "coarse_label_names": [f"superclass_{i}" for i in range(20)],
    }
    (folder / "meta").write_bytes(pickle.dumps(meta))
    return root
