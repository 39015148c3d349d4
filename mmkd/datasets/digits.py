"""Handwritten digits that scikit-learn contains: real data without a download."""

from typing import Any, ClassVar, Literal, get_args

import numpy as np
from mmpretrain.datasets import BaseDataset
from numpy.typing import NDArray

from mmkd.registry import DATASETS

Split = Literal["train", "test"]

TEST_IMAGES_PER_CLASS = 50


@DATASETS.register_module()
class Digits(BaseDataset):
    """1,797 grey images of 8x8 pixels in 10 classes, pixel values 0 to 16.

    They are the test part of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, UCI
    Machine Learning Repository, 1998) as :func:`sklearn.datasets.load_digits` reads it. The split
    is ours and always the same: from each class, 50 images drawn by a fixed permutation are
    ``test`` (500 images) and the other 1,297 are ``train``. The images do not say who wrote them,
    so both splits contain digits of the same writers, and test accuracies say nothing about new
    writers.

    A sample is ``dict(img=uint8 array (8, 8), gt_label=int)``, as in mmpretrain's ``MNIST``.

    Args:
        split: ``'train'`` or ``'test'``.
        **kwargs: arguments of ``mmpretrain.BaseDataset``, such as ``pipeline`` and ``indices``.

    Raises:
        ValueError: if there is no such split.
        ImportError: if scikit-learn is not installed.
    """

    METAINFO: ClassVar[dict[str, Any]] = {"classes": tuple(str(digit) for digit in range(10))}

    def __init__(self, split: Split = "train", **kwargs: Any) -> None:
        if split not in get_args(Split):
            raise ValueError(f"split is 'train' or 'test', not {split!r}")
        self.split = split
        super().__init__(ann_file="", **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read scikit-learn's copy and keep this split, in the file's order."""
        try:
            from sklearn.datasets import load_digits
        except ModuleNotFoundError as error:
            raise ImportError(
                "mmkd.Digits reads the images that come with scikit-learn, which is not installed: "
                "pip install scikit-learn"
            ) from error
        digits = load_digits()
        in_test = in_test_split(digits.target)
        chosen = np.flatnonzero(in_test if self.split == "test" else ~in_test)
        images = digits.images.astype(np.uint8)
        return [dict(img=images[i], gt_label=int(digits.target[i])) for i in chosen]

    def extra_repr(self) -> list[str]:
        """Return the lines that ``repr`` adds to the sizes; there is no path to show."""
        return [f"Split: \t{self.split}"]


def in_test_split(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return whether each sample belongs to the test split.

    Args:
        labels: the class of every image, integers ``(N,)``.

    Returns:
        Booleans ``(N,)`` with ``TEST_IMAGES_PER_CLASS`` of each class set.
    """
    # RandomState, not default_rng: NumPy promises never to change RandomState's stream.
    generator = np.random.RandomState(0)
    mask = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        mask[generator.permutation(members)[:TEST_IMAGES_PER_CLASS]] = True
    return mask
