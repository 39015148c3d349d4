"""Validation data for the choice of settings, disjoint from the test and the training data."""

import hashlib
from copy import deepcopy
from typing import Any

import numpy as np
from mmengine.config import Config

from mmkd.datasets.inspection import build_stored, dataset_config

# Public data sets contain a few images twice.
TOLERATED = 0.01
REMEDY = (
    "Hold training images out by --hold-out N, or name a split of its own, such as --cfg-options "
    "train_dataloader.dataset.split=train45k val_dataloader.dataset.split=val5k of mmkd.CIFAR100."
)


def hold_out(config: Config, images: int) -> None:
    """Use the last images of the training data as validation data; change the config in place.

    These images are removed from the training data. Data sets that are sorted by class cannot be
    divided in this way.

    Args:
        config: The config, with ``train_dataloader``, ``val_dataloader`` and ``val_evaluator``.
        images: Number of images.

    Raises:
        ValueError: If the data set cannot be divided in this way, or has too few images.
    """
    train = config.train_dataloader.dataset
    if "pipeline" not in train or "pipeline" not in config.val_dataloader.dataset:
        raise ValueError("--hold-out divides a plain data set; this config wraps it in another.")
    if train.get("indices") is not None:
        raise ValueError("--hold-out sets the training data's indices; leave out the config's.")
    evaluators = config.val_evaluator
    evaluators = evaluators if isinstance(evaluators, list) else [evaluators]
    if any(evaluator.get("ann_file") for evaluator in evaluators):
        raise ValueError(
            "--hold-out cannot divide the annotation file that val_evaluator reads: write two "
            "files, and name one for training and one for validation by --cfg-options."
        )
    stored = build_stored(dataset_config(config, "train"), config.get("default_scope"))
    if not 0 < images < len(stored):
        raise ValueError(f"--hold-out is 1 to {len(stored) - 1} images here, not {images}.")
    labels = [stored.get_data_info(index).get("gt_label") for index in range(len(stored))]
    absent = {str(label) for label in labels} - {str(label) for label in labels[-images:]}
    if absent:
        raise ValueError(
            f"The last {images} training images lack {len(absent)} of the classes: hold out more, "
            "or, if the files are sorted by class, write a split of your own."
        )
    held = deepcopy(train)
    held.pipeline = config.val_dataloader.dataset.pipeline
    config.val_dataloader.dataset = held
    held.indices, train.indices = -images, len(stored) - images


def check_validation(config: Config) -> None:
    """Check that the validation data shares no images with the test and the training data.

    Images are the same if they have the same file or, for images in memory, the same pixels.

    Raises:
        ValueError: If data are missing in the config, cannot be compared, or are shared.
    """
    if not (config.get("test_dataloader") or {}).get("dataset"):
        raise ValueError(
            "The config has no test_dataloader, so that nothing says which images are the test "
            "images. Settings must not be chosen on these: name them in the config."
        )
    validation = _images(config, "val")
    for split, name in dict(test="test", train="training").items():
        share = len(validation & _images(config, split)) / max(1, len(validation))
        if share > TOLERATED:
            raise ValueError(
                f"{share:.0%} of the validation images are {name} images: settings that are "
                f"chosen on them look better than they are. {REMEDY}"
            )


def _images(config: Config, split: str) -> set[str]:
    """Return a key for each image of a split: its file, or a hash of its pixels."""
    dataset = build_stored(dataset_config(config, split), config.get("default_scope"))
    try:
        return {_key(dataset.get_data_info(index)) for index in range(len(dataset))}
    except (AttributeError, KeyError) as error:
        raise ValueError(
            f"The {split} data, {type(dataset).__name__}, do not name their images ({error}): "
            "nothing shows that settings are not chosen on test images."
        ) from error


def _key(info: dict[str, Any]) -> str:
    if "img_path" in info:
        return str(info["img_path"])
    return hashlib.blake2b(np.asarray(info["img"]).tobytes()).hexdigest()
