"""Validation data that is apart from test and training data."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmkd.benchmark.validation import check_validation, hold_out
from mmkd.datasets import Digits

CONFIG = "mmkd::quickstart/student_digits.py"


def digits(**changes: Any) -> Config:
    config = Config.fromfile(CONFIG)
    config.merge_from_dict(changes)
    return config


def images(config: Config, split: str) -> list[bytes]:
    settings = deepcopy(config[f"{split}_dataloader"].dataset.to_dict())
    del settings["type"], settings["pipeline"]
    dataset = Digits(**settings)
    return [dataset.get_data_info(index)["img"].tobytes() for index in range(len(dataset))]


def test_the_test_images_are_refused_and_held_out_images_are_not() -> None:
    config = digits()
    with pytest.raises(ValueError, match="100% of the validation images are test images"):
        check_validation(config)
    whole = images(config, "train")
    hold_out(config, 300)
    check_validation(config)
    assert images(config, "train") + images(config, "val") == whole
    assert len(images(config, "val")) == 300
    assert config.val_dataloader.dataset.pipeline == config.test_dataloader.dataset.pipeline
    assert config.test_dataloader.dataset.split == "test"


def test_training_images_are_refused() -> None:
    config = digits(**{"val_dataloader.dataset.split": "train"})
    config.test_dataloader = Config.fromfile(CONFIG).test_dataloader
    with pytest.raises(ValueError, match="100% of the validation images are training images"):
        check_validation(config)


def test_a_config_without_test_data_is_refused() -> None:
    config = digits()
    config.test_dataloader = None
    with pytest.raises(ValueError, match="no test_dataloader"):
        check_validation(config)


@pytest.mark.parametrize(
    ("changes", "number", "words"),
    [
        ({"train_dataloader.dataset.indices": 128}, 10, "leave out the config's"),
        ({"val_evaluator": [dict(type="CocoMetric", ann_file="x.json")]}, 10, "annotation file"),
        ({}, 1297, "1 to 1296 images"),
        ({}, 5, r"lack \d of the classes"),
    ],
)
def test_data_that_cannot_be_divided_is_refused(
    changes: dict[str, Any], number: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        hold_out(digits(**changes), number)


def test_files_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    from PIL import Image

    for split in ("train", "val", "test"):
        for name in "ab":
            path = tmp_path / split / name / "0.png"
            path.parent.mkdir(parents=True)
            Image.new("RGB", (4, 4)).save(path)  # all the same pixels
    loaders = {
        f"{split}_dataloader": dict(
            dataset=dict(
                type="CustomDataset",
                data_prefix=str(tmp_path / split),
                pipeline=[dict(type="LoadImageFromFile"), dict(type="PackInputs")],
            )
        )
        for split in ("train", "val", "test")
    }
    config = Config(dict(default_scope="mmpretrain", **loaders))
    check_validation(config)
    config.val_dataloader.dataset.data_prefix = str(tmp_path / "train")
    with pytest.raises(ValueError, match="training images"):
        check_validation(config)
