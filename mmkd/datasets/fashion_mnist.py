"""Fashion-MNIST, read from its files as they are distributed, packed or unpacked."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import barrier, is_main_process
from mmpretrain.datasets import FashionMNIST as FashionMNISTOfMMPretrain
from numpy.typing import NDArray

from mmkd.registry import DATASETS

DOWNLOAD_ROOT = "data/fashion_mnist"
DEBIAN_ROOT = "/usr/share/datasets/fashion-mnist"
IDX_UNSIGNED_BYTE = 0x08


@DATASETS.register_module()
class FashionMNIST(FashionMNISTOfMMPretrain):
    """60,000 training and 10,000 test images of clothing, 28x28 grey, 10 classes.

    Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv:1708.07747, 2017). This is mmpretrain's class,
    with three differences: it also reads the gzip files, so that the files of Debian's package
    ``dataset-fashion-mnist`` can be used without unpacking; ``split`` alone chooses the images
    (mmpretrain's class reads the training images for ``split='test'`` unless ``test_mode=True`` is
    set as well); and nothing is downloaded unless ``download`` is true.

    A sample is ``dict(img=uint8 array (28, 28), gt_label=int)``.

    Args:
        data_root: folder of the four files. By default ``data/fashion_mnist`` or Debian's
            ``/usr/share/datasets/fashion-mnist``, whichever contains them first.
        split: ``'train'`` or ``'test'``.
        subset: keep only this many images, equally many of each class, drawn by ``subset_seed``;
            they stay in the file's order. By default all.
        subset_seed: seed of that draw; the same seed gives the same images on every machine.
        download: whether to fetch missing files with mmpretrain's downloader.
        **kwargs: arguments of ``mmpretrain.BaseDataset``, such as ``pipeline``.

    Raises:
        FileNotFoundError: if files are missing and ``download`` is false.
        ValueError: if a file is damaged, or the classes cannot share ``subset`` equally.
    """

    def __init__(
        self,
        data_root: str = "",
        split: str = "train",
        subset: int | None = None,
        subset_seed: int = 0,
        download: bool = False,
        **kwargs: Any,
    ) -> None:
        self.subset = subset
        self.subset_seed = subset_seed
        root = data_root or self._default_root()
        super().__init__(data_root=root, split=split, download=download, **kwargs)

    @classmethod
    def _default_root(cls) -> str:
        roots = (DOWNLOAD_ROOT, DEBIAN_ROOT)
        return next((root for root in roots if not cls._missing(root)), DOWNLOAD_ROOT)

    @classmethod
    def _missing(cls, root: str) -> list[str]:
        """Return the names of the files that exist neither packed nor unpacked."""
        names = [name for name, _ in cls.train_list + cls.test_list]
        return [name for name in names if not locate(root, name).is_file()]

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read this split's images and labels."""
        root = self.data_prefix["root"]
        if self.download:
            if is_main_process() and self._missing(root):
                self._download()
            barrier()
        if missing := self._missing(root):
            raise FileNotFoundError(
                f"Fashion-MNIST is not complete in '{root}', which lacks {', '.join(missing)}. "
                "Either install Debian's or Ubuntu's package dataset-fashion-mnist (with apt-get), "
                f"which fills {DEBIAN_ROOT}; or set data_root to a folder that has the files; "
                "or set download=True, with which mmpretrain fetches them into data_root"
            )
        pair = self.train_list if self.split == "train" else self.test_list
        images, labels = (read_idx(locate(root, name)) for name, _ in pair)
        if len(images) != len(labels):
            raise ValueError(
                f"'{root}' has {len(images)} {self.split} images but {len(labels)} labels"
            )
        chosen: NDArray[np.integer] = np.arange(len(labels))
        if self.subset is not None:
            chosen = balanced_subset(labels, self.subset, self.subset_seed)
        return [dict(img=images[i], gt_label=int(labels[i])) for i in chosen]


def locate(root: str, name: str) -> Path:
    """Return the path of the unpacked file if it exists, else of the packed one, ``name``."""
    packed = Path(root, name)
    unpacked = packed.with_suffix("")
    return unpacked if unpacked.is_file() else packed


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped if it is named ``.gz``.

    The format is that of the MNIST database: two zero bytes, the type, the number of axes, each
    axis as a big-endian 32-bit integer, then the values in row-major order.

    Raises:
        ValueError: if the content is of another type, or is shorter or longer than its header says.
    """
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if content[:3] != bytes((0, 0, IDX_UNSIGNED_BYTE)):
        raise ValueError(f"'{path}' is not an IDX file of unsigned bytes")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", count=axes, offset=4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if values.size != shape.prod():
        raise ValueError(f"'{path}' should hold {shape.prod()} values and holds {values.size}")
    return values.reshape(shape)


def balanced_subset(labels: NDArray[np.integer], size: int, seed: int) -> NDArray[np.intp]:
    """Draw equally many samples of every class.

    Args:
        labels: the class of every sample, integers ``(N,)``.
        size: number of samples to draw, a multiple of the number of classes.
        seed: seed of the draw.

    Returns:
        Sorted indices ``(size,)``.

    Raises:
        ValueError: if ``size`` is not such a multiple, or a class has too few samples.
    """
    classes, counts = np.unique(labels, return_counts=True)
    each, rest = divmod(size, len(classes))
    if rest or not 0 < each <= counts.min():
        raise ValueError(
            f"subset must be a multiple of the {len(classes)} classes, "
            f"up to {len(classes) * counts.min()}, not {size}"
        )
    # RandomState, not default_rng: NumPy promises never to change RandomState's stream.
    generator = np.random.RandomState(seed)
    members = (generator.permutation(np.flatnonzero(labels == label)) for label in classes)
    return np.sort(np.concatenate([indices[:each] for indices in members]))
