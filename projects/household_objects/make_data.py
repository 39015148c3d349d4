"""Make two datasets in COCO's form: the catalogue that the teacher knows, and our own household."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from numpy.random import RandomState

from mmkd.datasets.scenes import Category, Objects, write_split
from projects.household_objects import HouseholdDataset
from projects.household_objects.drawings import draw

CLASSES = {
    "catalogue": ("wineglass", "mug", "key", "remote_control", "alarm_clock", "bath_towel"),
    "household": HouseholdDataset.METAINFO["classes"],
}
DRAWINGS = dict(train=60, val=20)


def parse_arguments() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder in which the two are made, such as data")
    parser.add_argument("--train", type=int, default=600, metavar="N", help="images to train on")
    parser.add_argument("--val", type=int, default=100, metavar="N", help="images to validate on")
    parser.add_argument("--size", type=int, default=128, help="longer side in pixels")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def objects(names: tuple[str, ...], split: str, seed: int) -> Objects:
    """Return drawings of the classes, others for each split."""
    random = RandomState([seed, split == "val"])
    labels = [label for label in range(len(names)) for _ in range(DRAWINGS[split])]
    return Objects(
        images=[draw(names[label], random) for label in labels],
        labels=labels,
        categories=[Category(10 * index + 7, name) for index, name in enumerate(names)],
    )


def main() -> None:
    """Write both datasets."""
    arguments = parse_arguments()
    for number, (dataset, names) in enumerate(CLASSES.items()):
        for split, count in (("train", arguments.train), ("val", arguments.val)):
            seed = arguments.seed + number
            folder, drawn = arguments.out / dataset, objects(names, split, seed)
            wrote = write_split(folder, split, drawn, count, arguments.size, seed)
            listed = ", ".join(f"{number} {what}" for what, number in wrote.items())
            print(f"{folder / f'{split}2017'}: {listed}")


if __name__ == "__main__":
    main()
