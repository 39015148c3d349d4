"""Check that a data set is complete and can be read.

The tool compares the numbers of images and the classes with the official ones, and reads every
image. If something is wrong, it prints the problems and the exit code is 1. Settings that shorten a
dataset in a config (`indices`, `subset`) are ignored.

Examples:
  python tools/dataset_tools/verify_dataset.py tiny_imagenet
  python tools/dataset_tools/verify_dataset.py my_config.py --duplicates
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config, DictAction

from mmkd.datasets.inspection import dataset_config, read_config
from mmkd.datasets.verification import (
    Split,
    check_images,
    duplicates,
    read_classification,
    read_coco,
    read_voc,
)

TOOL = "tools/dataset_tools/verify_dataset.py"
NAMED = {
    **{
        name: f"mmkd::_base_/datasets/{name}.py"
        for name in ("cifar100", "cinic10", "digits", "fashion_mnist", "tiny_imagenet")
    },
    "imagenet": "mmpretrain::_base_/datasets/imagenet_bs64.py",
    "bccd": "mmkd::_base_/datasets/bccd_voc.py",
    "coco": "mmdet::_base_/datasets/coco_detection.py",
}


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help=f"one of {', '.join(NAMED)}, or a config's path or name")
    parser.add_argument("--data-root", help="where the data set is, if not where the config says")
    parser.add_argument(
        "--duplicates",
        action="store_true",
        help="find images whose pixels are the same, within splits and between them",
    )
    parser.add_argument(
        "--any-count",
        action="store_true",
        help="do not ask for the official number of images: the data set is a part of it",
    )
    parser.add_argument("--workers", type=int, help="how many threads read images")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override settings")
    return parser.parse_args()


def innermost(dataset: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the configs of the datasets inside wrappers such as RepeatDataset."""
    if "datasets" in dataset or "dataset" in dataset:
        for inner in dataset.get("datasets") or [dataset["dataset"]]:
            yield from innermost(inner)
    else:
        yield dataset


def datasets_of(config: Config, data_root: str | None) -> list[dict[str, Any]]:
    """Return the configs of a config's datasets, each once, without their pipelines."""
    found: list[dict[str, Any]] = []
    for split in ("train", "val", "test"):
        if not config.get(f"{split}_dataloader"):
            continue
        for dataset in innermost(dataset_config(config, split)):
            plain = {key: dataset[key] for key in dataset if key not in ("pipeline", "indices")}
            if data_root is not None:
                plain["data_root"] = data_root
            if plain not in found:
                found.append(plain)
    if not found:
        raise ValueError("the config has no dataloader")
    return found


def read(dataset: dict[str, Any], config: Config, counts: bool) -> Split:
    kind = str(dataset["type"]).rpartition(".")[2]
    if kind == "CocoDataset":
        return read_coco(dataset, counts)
    if kind in ("VOCDataset", "XMLDataset"):
        return read_voc(dataset)
    preprocessor = config.get("data_preprocessor") or {}
    classes = preprocessor.get("num_classes")
    return read_classification(dataset, config.get("default_scope"), classes, counts)


def verify(config: Config, arguments: Namespace) -> list[str]:
    """Check all splits, print a summary of each, and return the problems."""
    wrong, splits = [], []
    for dataset in datasets_of(config, arguments.data_root):
        try:
            split = read(dataset, config, not arguments.any_count)
        except Exception as error:  # a dataset that cannot be read may raise anything
            place = dataset.get("data_root") or "the default place"
            wrong.append(f"{dataset['type']} in {place} cannot be read: {error}")
            continue
        check_images(split, arguments.duplicates, arguments.workers)
        print(f"{split.name}: {len(split.items)} images, {'wrong' if split.problems else 'right'}")
        wrong += split.wrong()
        splits.append(split)
    return [*dict.fromkeys(wrong), *duplicates(splits)]


def main() -> None:
    arguments = parse_arguments()
    try:
        name = NAMED.get(arguments.dataset, arguments.dataset)
        wrong = verify(read_config(name, arguments.cfg_options), arguments)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")
    for problem in wrong:
        print(problem, file=sys.stderr)
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
