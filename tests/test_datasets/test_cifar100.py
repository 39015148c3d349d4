"""CIFAR-100 in all of its layouts, with the same validation images."""

import pickle
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import cv2
import numpy as np
import pyarrow
import pytest
from mmpretrain.datasets import CIFAR100 as STOCK
from pyarrow import parquet

from mmkd.compat.pickles import UnsafePickleError
from mmkd.datasets import CIFAR100, cifar100

CLASSES = STOCK.METAINFO["classes"]
EACH = 3


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, list[int]]:
    pixels = np.random.default_rng(0).integers(0, 256, (EACH * 100, 32, 32, 3), dtype=np.uint8)
    return pixels, [index % 100 for index in range(EACH * 100)]


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def archive(root: Path, images: Any) -> None:
    pixels, labels = images
    data = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
    (root / "cifar-100-python").mkdir(parents=True)
    for part in ("train", "test"):
        with open(root / "cifar-100-python" / part, "wb") as file:
            pickle.dump({"data": data, "fine_labels": labels}, file, protocol=2)


def hub(root: Path, images: Any) -> None:
    """Write the images as the hub's files have them, in another order."""
    pixels, labels = images
    order = np.random.default_rng(1).permutation(len(labels))
    rows = [dict(img=dict(bytes=png(pixels[i]), path=None), fine_label=labels[i]) for i in order]
    root.mkdir()
    for part in ("train", "test"):
        parquet.write_table(pyarrow.Table.from_pylist(rows), root / f"{part}-00000.parquet")


def folders(root: Path, images: Any) -> None:
    for index, (image, label) in enumerate(zip(*images, strict=True)):
        for part in ("train", "test"):
            folder = root / part / CLASSES[label]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{index:04}.png").write_bytes(png(image))


LAYOUTS = [archive, hub, folders]


def contents(dataset: CIFAR100) -> set[tuple[bytes, int]]:
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return {(info["img"].tobytes(), info["gt_label"]) for info in infos}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_layouts_hold_the_same_images_and_labels(layout, tmp_path, images):
    layout(tmp_path / "data", images)
    dataset = CIFAR100(str(tmp_path / "data"), "train")
    assert dataset.metainfo["classes"] == CLASSES
    assert len(dataset) == EACH * 100
    expected = {(image.tobytes(), label) for image, label in zip(*images, strict=True)}
    assert contents(dataset) == expected
    image = dataset.get_data_info(0)["img"]
    assert (image.shape, image.dtype) == ((32, 32, 3), np.uint8)


def test_the_validation_split_is_stratified_and_the_same_for_all_layouts(
    tmp_path, images, monkeypatch
):
    monkeypatch.setattr(cifar100, "VALIDATION_IMAGES_PER_CLASS", 1)
    splits = []
    for layout in LAYOUTS:
        root = tmp_path / layout.__name__
        layout(root, images)
        parts = [contents(CIFAR100(str(root), split)) for split in ("val5k", "train45k")]
        assert not parts[0] & parts[1]
        assert sorted(label for _, label in parts[0]) == list(range(100))
        assert len(parts[1]) == (EACH - 1) * 100
        splits.append(parts)
    assert splits[0] == splits[1] == splits[2]


def test_the_archives_order_is_kept_as_mmpretrain_reads_it(tmp_path, images):
    archive(tmp_path, images)
    dataset = CIFAR100(str(tmp_path), "test")
    assert list(dataset.get_gt_labels()) == images[1]
    assert (dataset.get_data_info(7)["img"] == images[0][7]).all()


def test_a_hostile_archive_is_refused(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    (tmp_path / "cifar-100-python").mkdir()
    with open(tmp_path / "cifar-100-python/train", "wb") as file:
        pickle.dump({"data": Hostile(), "fine_labels": []}, file)
    with pytest.raises(UnsafePickleError, match="Refused to load"):
        CIFAR100(str(tmp_path), "train")
    assert not (tmp_path / "executed").exists()


def test_a_missing_copy_is_told_in_words(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no cifar-100-python/train, no train\*.parquet"):
        CIFAR100(str(tmp_path), "train")
    with pytest.raises(ValueError, match="split is one of train, test, train45k, val5k"):
        CIFAR100(str(tmp_path), "valid")
