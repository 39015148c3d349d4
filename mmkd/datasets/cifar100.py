"""CIFAR-100 in any of the layouts in which it is distributed, with a fixed validation split."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from mmpretrain.datasets import CIFAR100 as ARCHIVE
from mmpretrain.datasets import BaseDataset
from numpy.typing import NDArray
from PIL import Image

from mmkd.compat.pickles import load_plain_pickle
from mmkd.datasets.folders import image_files
from mmkd.registry import DATASETS

Split = Literal["train", "test", "train45k", "val5k"]
Sample = tuple[NDArray[np.uint8], int]

FOLDER = ARCHIVE.base_folder
VALIDATION_IMAGES_PER_CLASS = 50
KEY = b"mmkd val5k"  # another key would draw other images


@DATASETS.register_module()
class CIFAR100(BaseDataset):
    """50,000 training and 10,000 test images of 32x32 pixels in 100 classes.

    "Learning Multiple Layers of Features from Tiny Images" (Krizhevsky, 2009), in whichever of
    these layouts lies below ``data_root``:

    - the official archive, unpacked: ``cifar-100-python/train`` and ``test``, whose pickles are
      read without executing code in them;
    - Parquet files as on the Hugging Face hub, ``train*.parquet`` and ``test*.parquet`` with the
      columns ``img`` and ``fine_label``, in the folder itself or in ``data`` or ``cifar100`` below;
    - a folder of images for each class: ``train/<class>/*.png``.

    Settings should not be chosen on the test images. For that purpose ``'val5k'`` has 50 training
    images of each class, and ``'train45k'`` the others. They are drawn by a hash of their pixels,
    so that the split is the same for all layouts and orders of files.

    A sample is ``dict(img=uint8 array (32, 32, 3) in RGB, gt_label=int)``. The form of the samples,
    the classes and their order are those of mmpretrain's ``CIFAR100``.

    Args:
        data_root: Folder with one of the layouts.
        split: ``'train'``, ``'test'``, ``'train45k'`` or ``'val5k'``.
        **kwargs: Arguments of ``mmpretrain.BaseDataset``, such as ``pipeline`` and ``indices``.

    Raises:
        FileNotFoundError: If no layout is found.
        ImportError: If the layout is Parquet and pyarrow is not installed.
        ValueError: If there is no such split.
    """

    METAINFO: ClassVar[dict[str, Any]] = {"classes": tuple(ARCHIVE.METAINFO["classes"])}

    def __init__(self, data_root: str, split: Split = "train", **kwargs: Any) -> None:
        if split not in get_args(Split):
            raise ValueError(f"split is one of {', '.join(get_args(Split))}, not {split!r}")
        self.split = split
        self.root = Path(data_root).expanduser()
        super().__init__(ann_file="", data_root=str(self.root), **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the images and labels of this split, in the order of the files."""
        samples = list(self._read("test" if self.split == "test" else "train"))
        if self.split in ("train45k", "val5k"):
            held_out = {*validation_images(samples)}
            wanted = self.split == "val5k"
            samples = [s for index, s in enumerate(samples) if (index in held_out) is wanted]
        return [dict(img=image, gt_label=label) for image, label in samples]

    def _read(self, part: str) -> Iterator[Sample]:
        archive = [path for path in (self.root / FOLDER / part, self.root / part) if path.is_file()]
        tables = [
            path
            for folder in (self.root, self.root / "data", self.root / "cifar100")
            for path in sorted(folder.glob(f"{part}*.parquet"))
        ]
        if archive:
            yield from _of_archive(archive[0])
        elif tables:
            yield from _of_parquet(tables)
        elif (self.root / part).is_dir():
            yield from self._of_folders(self.root / part)
        else:
            raise FileNotFoundError(
                f"CIFAR-100 is not in '{self.root}': there is no {FOLDER}/{part}, no "
                f"{part}*.parquet and no folder {part}/<class>. docs/datasets.md shows the layouts "
                "and where they come from."
            )

    def _of_folders(self, folder: Path) -> Iterator[Sample]:
        for label, name in enumerate(self.METAINFO["classes"]):
            paths = image_files(folder / name)
            if not paths:
                raise FileNotFoundError(
                    f"CIFAR-100 has no images of the class in '{folder / name}'."
                )
            for path in paths:
                yield _decoded(path), label

    def extra_repr(self) -> list[str]:
        """Return the lines that ``repr`` adds to the sizes."""
        return [f"Split: \t{self.split}", f"Folder: \t{self.root}"]


def validation_images(samples: list[Sample]) -> list[int]:
    """Return the indices of the images that are held out for validation, in ascending order.

    From each class these are the images with the smallest hashes of their pixels.
    """
    hashes = [hashlib.blake2b(image.tobytes(), key=KEY).digest() for image, _ in samples]
    by_class: dict[int, list[int]] = {}
    for index in sorted(range(len(samples)), key=lambda index: (hashes[index], index)):
        by_class.setdefault(samples[index][1], []).append(index)
    chosen = (indices[:VALIDATION_IMAGES_PER_CLASS] for indices in by_class.values())
    return sorted(index for indices in chosen for index in indices)


def _of_archive(path: Path) -> Iterator[Sample]:
    entry = load_plain_pickle(path)
    images = np.asarray(entry["data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    yield from zip(images, map(int, entry["fine_labels"]), strict=True)


def _of_parquet(paths: list[Path]) -> Iterator[Sample]:
    try:
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{paths[0]} is a Parquet file, which pyarrow reads: pip install pyarrow."
        ) from error
    for path in paths:
        for row in parquet.read_table(path, columns=["img", "fine_label"]).to_pylist():
            yield _decoded(io.BytesIO(row["img"]["bytes"])), int(row["fine_label"])


def _decoded(file: Path | io.BytesIO | str) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"), np.uint8)
