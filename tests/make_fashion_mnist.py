"""Generate a small Fashion-MNIST in the real files' format, for tests."""

import gzip
from pathlib import Path

import numpy as np

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def idx(values: np.ndarray) -> bytes:
    """Return an array in the idx format of unsigned bytes."""
    header = bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes()
    return header + values.tobytes()


def write_fashion_mnist(
    root: Path, train: int = 40, test: int = 20, packed: bool = True, seed: int | None = None
) -> Path:
    """Write the four files; labels go round, 0 to 9.

    Args:
        root: What a config calls ``data_root``.
        train: Number of training images.
        test: Number of test images.
        packed: Whether the files are gzipped, as Debian ships them.
        seed: Of random pixels. Without it image i of a split shows i everywhere (+ 100 in the test
            split), which tells images apart.
    """
    root.mkdir(parents=True, exist_ok=True)
    for split, size in (("train", train), ("test", test)):
        numbers = np.arange(size, dtype=np.uint8)
        shown = numbers + (100 if split == "test" else 0)
        images = shown[:, None, None].repeat(28, axis=1).repeat(28, axis=2)
        if seed is not None:
            images = np.random.RandomState(seed).randint(0, 256, (size, 28, 28)).astype(np.uint8)
        for name, content in zip(FILES[split], (idx(images), idx(numbers % 10)), strict=True):
            if packed:
                (root / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (root / name).write_bytes(content)
    return root
