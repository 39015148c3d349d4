"""Tiny-ImageNet, read from its folders as distributed or as scripts commonly re-arrange them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from mmpretrain.datasets import BaseDataset

from mmkd.datasets.folders import image_files
from mmkd.registry import DATASETS

Split = Literal["train", "val"]

GET_IT = (
    "`python tools/dataset_tools/download_dataset.py tiny_imagenet` fetches it; docs/datasets.md "
    "shows the folders that are expected"
)


@DATASETS.register_module()
class TinyImageNet(BaseDataset):
    """100,000 training and 10,000 validation images of 64x64 pixels in 200 classes of ImageNet.

    Tiny-ImageNet (course CS231n, Stanford University, 2015)::

        tiny-imagenet-200/             (data_root)
            wnids.txt                  the 200 classes, by WordNet id
            words.txt                  names of WordNet ids
            train/<wnid>/images/*.JPEG
            val/val_annotations.txt    file name and class of each validation image
            val/images/*.JPEG

    Label i is the i-th WordNet id in alphabetical order, as in torchvision's ``ImageFolder`` and so
    in published checkpoints; ``wnids.txt`` has another order. Validation images that a script has
    sorted into ``val/<wnid>/``, ``val/<wnid>/images/`` or ``val/images/<wnid>/`` are read from
    there. The test images have no public labels and are not read.

    Args:
        data_root: the folder that contains ``wnids.txt``.
        split: ``'train'`` or ``'val'``.
        **kwargs: arguments of ``mmpretrain.BaseDataset``, such as ``pipeline`` and ``indices``.

    Raises:
        FileNotFoundError: if files are missing.
        ValueError: if there is no such split, or the contents of files do not fit together.
    """

    def __init__(self, data_root: str, split: Split = "train", **kwargs: Any) -> None:
        if split not in get_args(Split):
            raise ValueError(
                f"split is 'train' or 'val', not {split!r}; the test images have no public labels"
            )
        self.split = split
        self.root = Path(data_root).expanduser()
        self.wnids = read_wnids(self.root)
        if kwargs.get("classes") is None and "classes" not in (kwargs.get("metainfo") or {}):
            kwargs["classes"] = read_names(self.root, self.wnids)
        super().__init__(ann_file="", data_root=str(self.root), **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List this split's images with their labels, in the files' alphabetical order."""
        images = self._train() if self.split == "train" else self._val()
        labels = {wnid: label for label, wnid in enumerate(self.wnids)}
        return [dict(img_path=path, gt_label=labels[wnid]) for path, wnid in images]

    def _train(self) -> Iterator[tuple[str, str]]:
        for wnid in self.wnids:
            folder = self.root / "train" / wnid / "images"
            paths = image_files(folder)
            if not paths:
                raise FileNotFoundError(f"Tiny-ImageNet has no images in '{folder}'; {GET_IT}")
            yield from ((path, wnid) for path in paths)

    def _val(self) -> Iterator[tuple[str, str]]:
        paths = image_files(self.root / "val" / "images")
        if not paths:
            yield from self._sorted_val()
            return
        classes = read_annotations(self.root / "val" / "val_annotations.txt", set(self.wnids))
        if missing := classes.keys() - {Path(path).name for path in paths}:
            raise FileNotFoundError(
                f"'{self.root / 'val' / 'images'}' lacks {len(missing)} images that "
                f"val_annotations.txt lists, such as {min(missing)}; {GET_IT}"
            )
        for path in paths:
            if (name := Path(path).name) not in classes:
                raise ValueError(f"val_annotations.txt in '{self.root}' has no class for {name}")
            yield path, classes[name]

    def _sorted_val(self) -> Iterator[tuple[str, str]]:
        """Yield the validation images if a script has moved them into a folder for each class."""
        val = self.root / "val"
        for wnid in self.wnids:
            folders = val / wnid, val / wnid / "images", val / "images" / wnid
            paths = [path for folder in folders for path in image_files(folder)]
            if not paths:
                raise FileNotFoundError(
                    f"Tiny-ImageNet's validation images are neither in '{val / 'images'}' nor, "
                    f"for {wnid}, in '{folders[0]}'; {GET_IT}"
                )
            yield from ((path, wnid) for path in paths)

    def extra_repr(self) -> list[str]:
        """Return the lines that ``repr`` adds to the sizes."""
        return [f"Split: \t{self.split}", f"Folder: \t{self.root}"]


def read_lines(path: Path) -> list[str]:
    """Return the non-empty lines of one of Tiny-ImageNet's text files."""
    if not path.is_file():
        raise FileNotFoundError(f"Tiny-ImageNet is not complete, '{path}' is missing; {GET_IT}")
    return [line for line in path.read_text().splitlines() if line.strip()]


def read_wnids(root: Path) -> list[str]:
    """Return the WordNet ids of the classes in alphabetical order."""
    return sorted(line.strip() for line in read_lines(root / "wnids.txt"))


def read_names(root: Path, wnids: list[str]) -> list[str]:
    """Return the names of classes, each with all its synonyms, because only these are unambiguous.

    Raises:
        FileNotFoundError: if words.txt is missing.
        ValueError: if it lacks a class.
    """
    names = dict(line.split("\t", 1) for line in read_lines(root / "words.txt") if "\t" in line)
    if missing := [wnid for wnid in wnids if wnid not in names]:
        raise ValueError(
            f"'{root / 'words.txt'}' has no name for {len(missing)} classes, such as {missing[0]}"
        )
    return [names[wnid].strip() for wnid in wnids]


def read_annotations(path: Path, wnids: set[str]) -> dict[str, str]:
    """Return the WordNet id of each validation image, by file name.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: if a line is not a file name and one of the classes, separated by a tab.
    """
    classes = {}
    for number, line in enumerate(read_lines(path), 1):
        name, _, rest = line.partition("\t")
        wnid = rest.split("\t")[0].strip()
        if wnid not in wnids:
            raise ValueError(
                f"line {number} of '{path}' is no file name and class of wnids.txt: {line!r}"
            )
        classes[name] = wnid
    return classes
