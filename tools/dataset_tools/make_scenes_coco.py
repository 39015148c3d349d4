"""Compose scenes of digits or clothes, in the files and folders of MS-COCO 2017.

The objects are real images (scikit-learn's digits, or Fashion-MNIST), scaled, stretched and
coloured at random. They overlap, and in some images they are crowded; some images have a crowd
region (iscrowd=1), and some have no object. The objects of the validation images come from the test
images of the source alone. The same arguments give the same files.

Examples:
  python tools/dataset_tools/make_scenes_coco.py data/scenes
  python tools/dataset_tools/make_scenes_coco.py data/clothes --images fashion-mnist --train 500
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmkd.datasets.scenes import Category, Objects, write_split
from mmkd.registry import DATASETS

TOOL = "tools/dataset_tools/make_scenes_coco.py"
SOURCES = {"digits": "mmkd.Digits", "fashion-mnist": "mmkd.FashionMNIST"}
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
# The ids have gaps, like those of COCO's 80 categories.
IDS = (1, 2, 3, 5, 6, 8, 9, 11, 13, 14)
NOT_IN_COCO = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write, such as data/scenes")
    parser.add_argument("--images", choices=SOURCES, default="digits", help="what is composed")
    parser.add_argument("--train", type=int, default=1000, metavar="N", help="training images")
    parser.add_argument("--val", type=int, default=200, metavar="N", help="validation images")
    parser.add_argument("--size", type=int, default=128, help="longer side in pixels")
    parser.add_argument("--classes", type=int, default=10, help="only the first so many classes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--pixels",
        action="store_true",
        help="also write the class of each pixel, for segmentation: annotations/<split>2017/*.png, "
        "with 0 for background and 255 for crowds",
    )
    parser.add_argument(
        "--coco-names",
        action="store_true",
        help="declare COCO's 80 categories and call the ten classes by the names of ten of them, "
        "whatever they show: configs for COCO then run on the files unchanged",
    )
    return parser.parse_args()


def categories(classes: list[str], coco_names: bool) -> list[Category]:
    """Return the categories of the classes, followed by categories without objects."""
    if not coco_names:
        return [Category(*pair) for pair in zip(IDS, classes, strict=False)]
    from mmdet.datasets import CocoDataset

    ids = (index for index in range(1, 91) if index not in NOT_IN_COCO)
    coco = [Category(*pair) for pair in zip(ids, CocoDataset.METAINFO["classes"], strict=True)]
    shown = coco[::8]
    return shown + [category for category in coco if category not in shown]


def read_objects(source: str, split: str, count: int, coco_names: bool) -> Objects:
    """Return the objects of the first ``count`` classes."""
    dataset = DATASETS.build(dict(type=SOURCES[source], split=split, pipeline=[]))
    samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    samples = [sample for sample in samples if sample["gt_label"] < count]
    classes = DIGITS if source == "digits" else list(dataset.metainfo["classes"])
    return Objects(
        images=[sample["img"] for sample in samples],
        labels=[sample["gt_label"] for sample in samples],
        categories=categories(classes[:count], coco_names),
    )


def make(arguments: Namespace) -> None:
    if arguments.out.exists() and (not arguments.out.is_dir() or any(arguments.out.iterdir())):
        raise ValueError(f"{arguments.out} exists already. Remove it, or name another folder.")
    if arguments.size < 64:
        raise ValueError(f"--size must be at least 64 pixels, not {arguments.size}.")
    if not 1 <= arguments.classes <= len(IDS) or (arguments.coco_names and arguments.classes < 10):
        raise ValueError(
            f"--classes must be from 1 to {len(IDS)}, all of them with --coco-names, not "
            f"{arguments.classes}."
        )
    if not 0 <= arguments.seed < 2**32:
        raise ValueError(f"--seed must be from 0 to 2**32 - 1, not {arguments.seed}.")
    for split, count in (("train", arguments.train), ("val", arguments.val)):
        if count < 1:
            raise ValueError(f"--{split} must be at least 1, not {count}.")
    for split, count in (("train", arguments.train), ("val", arguments.val)):
        objects = read_objects(
            arguments.images,
            "train" if split == "train" else "test",
            arguments.classes,
            arguments.coco_names,
        )
        wrote = write_split(
            arguments.out, split, objects, count, arguments.size, arguments.seed, arguments.pixels
        )
        listed = ", ".join(f"{number} {what}" for what, number in wrote.items())
        print(f"{arguments.out / f'{split}2017'}: {listed}")


def main() -> None:
    try:
        make(parse_arguments())
    except (FileNotFoundError, ImportError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")


if __name__ == "__main__":
    main()
