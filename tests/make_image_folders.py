"""Generate small data sets of image files in the real folders, one image a class, for tests."""

from collections.abc import Iterable
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import cv2
import numpy as np
from mmpretrain.datasets import CIFAR10

WNID = "n{:08d}"


def _write_images(paths: Iterable[Path], size: int) -> None:
    generator = np.random.RandomState(0)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        # 4x4 patches, which compress well.
        image = generator.randint(0, 256, (size // 4, size // 4, 3)).repeat(4, 0).repeat(4, 1)
        cv2.imwrite(str(path), image.astype(np.uint8))


def write_tiny_imagenet(root: Path) -> Path:
    """Write ``root/{wnids.txt,words.txt,train,val}`` as in tiny-imagenet-200.zip."""
    wnids = [WNID.format(index) for index in range(200)]
    _write_images((root / f"train/{wnid}/images/{wnid}_0.JPEG" for wnid in wnids), size=64)
    _write_images((root / f"val/images/val_{index}.JPEG" for index in range(200)), size=64)
    (root / "wnids.txt").write_text("".join(f"{wnid}\n" for wnid in wnids))
    (root / "words.txt").write_text("".join(f"{wnid}\tthing {wnid}\n" for wnid in wnids))
    boxes = (f"val_{index}.JPEG\t{wnid}\t0\t0\t63\t63\n" for index, wnid in enumerate(wnids))
    (root / "val/val_annotations.txt").write_text("".join(boxes))
    return root


def write_cinic10(root: Path) -> Path:
    """Write ``root/{train,valid,test}/<class>/*.png`` as in CINIC-10.tar.gz."""
    for split in ("train", "valid", "test"):
        names = CIFAR10.METAINFO["classes"]
        _write_images((root / f"{split}/{name}/cifar10-{split}-1.png" for name in names), size=32)
    return root


def write_imagenet(root: Path) -> Path:
    """Write ``root/{train,val}/<wnid>/*.JPEG`` with ILSVRC-2012's 1000 folders, in small images."""
    for split in ("train", "val"):
        wnids = [WNID.format(index) for index in range(1000)]
        _write_images((root / f"{split}/{wnid}/{wnid}_0.JPEG" for wnid in wnids), size=32)
    return root
