"""CINIC-10, read from its folders."""

from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from mmpretrain.datasets import CIFAR10, BaseDataset

from mmkd.datasets.folders import image_files
from mmkd.registry import DATASETS

Split = Literal["train", "valid", "trainval", "test"]


@DATASETS.register_module()
class CINIC10(BaseDataset):
    """Three times 90,000 images of 32x32 pixels in CIFAR-10's 10 classes.

    "CINIC-10 is not ImageNet or CIFAR-10" (Darlow, Crowley, Antoniou and Storkey, arXiv:1810.03505,
    2018): CIFAR-10's images and shrunken images of ImageNet, as ``<split>/<class>/*.png`` below
    ``data_root``, where a split is ``train``, ``valid`` or ``test``.

    Args:
        data_root: the folder that contains ``train``, ``valid`` and ``test``.
        split: ``'train'``, ``'valid'``, ``'test'``, or ``'trainval'``: the images of ``train`` and
            then those of ``valid``, the larger training set that the authors propose.
        **kwargs: arguments of ``mmpretrain.BaseDataset``, such as ``pipeline`` and ``indices``.

    Raises:
        FileNotFoundError: if files are missing.
        ValueError: if there is no such split.
    """

    METAINFO: ClassVar[dict[str, Any]] = {"classes": tuple(CIFAR10.METAINFO["classes"])}

    def __init__(self, data_root: str, split: Split = "train", **kwargs: Any) -> None:
        if split not in get_args(Split):
            raise ValueError(f"split is one of {', '.join(get_args(Split))}, not {split!r}")
        self.split = split
        self.root = Path(data_root).expanduser()
        super().__init__(ann_file="", data_root=str(self.root), **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List this split's images with their labels, by class and in alphabetical order."""
        images = []
        for part in ("train", "valid") if self.split == "trainval" else (self.split,):
            for label, name in enumerate(self.METAINFO["classes"]):
                folder = self.root / part / name
                paths = image_files(folder)
                if not paths:
                    raise FileNotFoundError(
                        f"CINIC-10 has no images in '{folder}'; "
                        "`python tools/dataset_tools/download_dataset.py cinic10` fetches it; "
                        "docs/datasets.md shows the folders that are expected"
                    )
                images += [dict(img_path=path, gt_label=label) for path in paths]
        return images

    def extra_repr(self) -> list[str]:
        """Return the lines that ``repr`` adds to the sizes."""
        return [f"Split: \t{self.split}", f"Folder: \t{self.root}"]
