"""Generate small image folders in the layouts of CINIC-10, Tiny-ImageNet, ImageNet, for tests."""

from pathlib import Path

import mmkd  # noqa: F401  (before mmpretrain: lets torchvision import beside a CPU torch)

# isort: split
import cv2
import numpy as np
from mmpretrain.datasets import CIFAR10

CINIC10_CLASSES = CIFAR10.METAINFO["classes"]


def write_cinic10(root: Path, each: int = 2, seed: int = 0) -> Path:
    """Write ``root/{train,valid,test}/<class>/*.png`` of random pixels.

    Args:
        root: What a config calls ``data_root``.
        each: Images of each class in each split.
        seed: Seed of the pixels.
    """
    generator = np.random.RandomState(seed)
    for split in ("train", "valid", "test"):
        for name in CINIC10_CLASSES:
            for number in range(each):
                _write(root / split / name / f"n00_{number}.png", 32, generator)
    return root


def write_tiny_imagenet(root: Path, classes: int, train: int, val: int, seed: int = 0) -> Path:
    """Write the folders of ``tiny-imagenet-200`` with images of random pixels.

    Args:
        root: What a config calls ``data_root``.
        classes: Number of classes; ``wnids.txt`` has them in descending order.
        train: Training images of each class.
        val: Validation images in all; classes go round in ascending order.
        seed: Seed of the pixels.
    """
    generator = np.random.RandomState(seed)
    wnids = [f"n{1000 + number:08d}" for number in range(classes)]
    (root / "val").mkdir(parents=True)
    (root / "wnids.txt").write_text("".join(f"{wnid}\n" for wnid in reversed(wnids)))
    (root / "words.txt").write_text(
        "".join(f"{wnid}\tname {wnid}, synonym\n" for wnid in ["n00000001", *wnids])
    )
    for wnid in wnids:
        for number in range(train):
            path = root / "train" / wnid / "images" / f"{wnid}_{number}.JPEG"
            _write(path, 64, generator)
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("")
    lines = []
    for number in range(val):
        _write(root / "val" / "images" / f"val_{number}.JPEG", 64, generator)
        lines.append(f"val_{number}.JPEG\t{wnids[number % classes]}\t0\t32\t44\t62\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    return root


def write_imagenet(root: Path, seed: int = 0) -> Path:
    """Write ``root/{train,val}/<wnid>/*.JPEG`` with ILSVRC-2012's 1000 folders of one small image.

    Args:
        root: What a config calls ``data_root``.
        seed: Seed of the pixels.
    """
    generator = np.random.RandomState(seed)
    for split in ("train", "val"):
        for number in range(1000):
            wnid = f"n{number:08d}"
            _write(root / split / wnid / f"{wnid}_0.JPEG", 32, generator)
    return root


def _write(path: Path, side: int, generator: np.random.RandomState) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), generator.randint(0, 256, (side, side, 3)).astype(np.uint8))
