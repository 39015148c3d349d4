"""scikit-learn's digits as a dataset of mmpretrain."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS

from mmkd.datasets import Digits

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs/_base_/datasets/digits.py"


def arrays(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    samples = [dataset.get_data_info(i) for i in range(len(dataset))]
    return np.stack([s["img"] for s in samples]), np.array([s["gt_label"] for s in samples])


def test_split_is_fixed_balanced_and_complete() -> None:
    from sklearn.datasets import load_digits

    train, _ = arrays(Digits(split="train"))
    test, test_labels = arrays(Digits(split="test"))
    assert train.shape == (1297, 8, 8)
    assert test.shape == (500, 8, 8)
    assert np.bincount(test_labels).tolist() == [50] * 10
    # Pixel sums of this split: another split, or another file, has others.
    assert (int(train.sum(dtype=int)), int(test.sum(dtype=int))) == (406513, 155205)
    together = np.concatenate([train, test]).reshape(1797, 64)
    everything = load_digits().data.astype(np.uint8)
    assert sorted(map(bytes, together)) == sorted(map(bytes, everything))


def test_labels_belong_to_their_images() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype(np.uint8)
    label_of = {image.tobytes(): t for image, t in zip(images, digits.target, strict=True)}
    for split in ("train", "test"):
        images, labels = arrays(Digits(split=split))
        assert [label_of[image.tobytes()] for image in images] == labels.tolist()


def test_pipeline_of_the_base_config_yields_what_a_model_takes() -> None:
    config = Config.fromfile(CONFIG)
    dataset_config = config.train_dataloader.dataset
    dataset_config["_scope_"] = "mmpretrain"
    sample = DATASETS.build(dataset_config)[3]
    assert sample["inputs"].shape == (1, 8, 8)
    assert sample["inputs"].max() <= 16
    assert sample["data_samples"].gt_label.shape == (1,)


def test_mean_and_std_of_the_base_config_are_the_training_images() -> None:
    preprocessor = Config.fromfile(CONFIG).data_preprocessor
    images, _ = arrays(Digits())
    assert preprocessor.mean == pytest.approx([images.mean()], abs=1e-4)
    assert preprocessor.std == pytest.approx([images.std()], abs=1e-4)


def test_classes_and_repr() -> None:
    dataset = Digits(split="test")
    assert dataset.metainfo["classes"] == tuple("0123456789")
    assert "Split: \ttest" in repr(dataset)


def test_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="'train' or 'test', not 'val'"):
        Digits(split="val")  # type: ignore[arg-type]


def test_missing_scikit_learn_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        Digits()


WITHOUT_MMPRETRAIN = """
import sys
class Absent:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "mmpretrain":
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent)
import mmkd.datasets
"""


@pytest.mark.slow
def test_missing_mmpretrain_is_said_in_words() -> None:
    command = [sys.executable, "-c", WITHOUT_MMPRETRAIN]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert "mmkd.datasets holds datasets for mmpretrain, which is not installed" in run.stderr
