"""mmkd.CINIC10."""

from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import numpy as np
import pytest
from mmengine.registry import DATASETS
from small_folders import CINIC10_CLASSES, write_cinic10

from mmkd.datasets import CINIC10

LOAD = [dict(type="mmpretrain.LoadImageFromFile")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cinic10(tmp_path_factory.mktemp("data") / "cinic10")


def test_samples_and_labels(root: Path) -> None:
    dataset = DATASETS.build(
        dict(type="mmkd.CINIC10", data_root=str(root), split="valid", pipeline=LOAD)
    )
    assert len(dataset) == 20
    assert dataset.metainfo["classes"] == CINIC10_CLASSES
    for sample in (dataset[index] for index in range(20)):
        name, folder = Path(sample["img_path"]), Path(sample["img_path"]).parent
        assert name.suffix == ".png"
        assert folder.parent.name == "valid"
        assert folder.name == CINIC10_CLASSES[sample["gt_label"]]
        assert sample["img"].shape == (32, 32, 3)
        assert sample["img"].dtype == np.uint8


def test_trainval_is_both_parts(root: Path) -> None:
    paths = {
        split: [i["img_path"] for i in CINIC10(str(root), split=split).load_data_list()]
        for split in ("train", "valid", "trainval", "test")
    }
    assert paths["trainval"] == paths["train"] + paths["valid"]
    assert len(set(paths["trainval"]) | set(paths["test"])) == 60


def test_files_of_other_programs_are_no_images(tmp_path: Path) -> None:
    root = write_cinic10(tmp_path, each=1)
    (root / "train/cat/.DS_Store").touch()
    (root / "train/cat/._n00_0.png").touch()
    assert len(CINIC10(str(root))) == 10


def test_a_class_that_is_missing_is_named(tmp_path: Path) -> None:
    root = write_cinic10(tmp_path, each=1)
    next((root / "train/dog").iterdir()).unlink()
    with pytest.raises(FileNotFoundError, match=r"no images in '.*train/dog'.*download_dataset.py"):
        CINIC10(str(root))
    assert len(CINIC10(str(root), split="test")) == 10


def test_a_wrong_split_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="train, valid, trainval, test, not 'val'"):
        CINIC10(str(root), split="val")  # type: ignore[arg-type]


def test_repr_says_what_it_is(root: Path) -> None:
    assert "Split: \ttest" in repr(CINIC10(str(root), split="test"))
