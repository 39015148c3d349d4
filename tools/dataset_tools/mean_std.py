"""Compute mean and standard deviation of each channel of a config's images, before normalisation.

All pixels of the split count equally, as they are stored: without crop, flip or resize. The sums
are integers, so the results are exact up to the precision of float64. The channels are printed in
the order in which the config's data preprocessor needs them.

Example:
  python tools/dataset_tools/mean_std.py configs/quickstart/student_digits.py
"""

import math
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from dataclasses import dataclass

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import numpy as np
from mmengine.config import Config, DictAction

from mmkd.datasets.inspection import build_stored, dataset_config, each, read_config

TOOL = "tools/dataset_tools/mean_std.py"
FLIPS = ("to_rgb", "bgr_to_rgb", "rgb_to_bgr")


@dataclass
class Sums:
    """Sums over the pixels so far.

    Attributes:
        pixels: Number of pixels.
        values: Sum of each channel's values.
        squares: Sum of each channel's squared values.
    """

    pixels: int
    values: list[int]
    squares: list[int]

    @classmethod
    def of(cls, image: np.ndarray) -> "Sums":
        """Return the sums over an image of integers, shape (H, W) or (H, W, C)."""
        if not np.issubdtype(image.dtype, np.integer):
            raise ValueError(f"images must have integer pixels, not {image.dtype}")
        flat = image.reshape(image.shape[0] * image.shape[1], -1).astype(np.int64)
        return cls(len(flat), flat.sum(0).tolist(), (flat * flat).sum(0).tolist())

    def add(self, other: "Sums") -> None:
        if len(self.values) != len(other.values):
            raise ValueError(
                f"some images have {len(self.values)} channels and some {len(other.values)}"
            )
        self.pixels += other.pixels
        self.values = [a + b for a, b in zip(self.values, other.values, strict=True)]
        self.squares = [a + b for a, b in zip(self.squares, other.squares, strict=True)]

    @property
    def mean(self) -> list[float]:
        return [value / self.pixels for value in self.values]

    @property
    def std(self) -> list[float]:
        pairs = zip(self.values, self.squares, strict=True)
        return [math.sqrt(self.pixels * s - v * v) / self.pixels for v, s in pairs]


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path of a config or its name, such as mmkd::kd/<name>.py")
    parser.add_argument("--split", choices=["train", "val", "test"], default="train")
    parser.add_argument("--workers", type=int, help="how many threads load images")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override settings")
    return parser.parse_args()


def sums_of(config: Config, split: str, workers: int | None) -> Sums:
    dataset = build_stored(dataset_config(config, split), config.get("default_scope"))

    def sums_of_image(index: int) -> Sums:
        try:
            return Sums.of(dataset[index]["img"])
        except Exception as error:  # a damaged file may raise anything
            raise ValueError(
                f"image {index} of the {split} dataset cannot be read: {error}. "
                "tools/dataset_tools/verify_dataset.py lists all that are damaged"
            ) from error

    results = each(sums_of_image, len(dataset), workers)
    total = next(results, None)
    if total is None:
        raise ValueError(f"the {split} dataset is empty")
    for sums in results:
        total.add(sums)
    return total


def preprocessor_of(config: Config) -> dict:
    """Return the config of the data preprocessor, or an empty one."""
    return config.get("data_preprocessor") or config.get("model", {}).get("data_preprocessor") or {}


def report(config: Config, split: str, workers: int | None) -> None:
    sums, preprocessor = sums_of(config, split, workers), preprocessor_of(config)
    step = -1 if any(preprocessor.get(name) for name in FLIPS) and len(sums.values) == 3 else 1
    print(f"{sums.pixels} pixels of the {split} dataset, values as stored (0 to 255 as a rule)")
    for name, found in (("mean", sums.mean[::step]), ("std", sums.std[::step])):
        print(f"{name}={[round(value, 4) for value in found]}  # / 255: {divided(found)}")
        if preprocessor.get(name) is not None:
            given = list(preprocessor[name])
            print(f"    the config has {given}; {divided(given)}")


def divided(values: list[float]) -> str:
    return "(" + ", ".join(f"{value / 255:.6f}" for value in values) + ")"


def main() -> None:
    arguments = parse_arguments()
    try:
        config = read_config(arguments.config, arguments.cfg_options)
        report(config, arguments.split, arguments.workers)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")


if __name__ == "__main__":
    main()
