"""mmkd.TinyImageNet."""

import shutil
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import pytest
from mmengine.registry import DATASETS
from small_folders import write_tiny_imagenet

from mmkd.datasets import TinyImageNet

WNIDS = ["n00001000", "n00001001", "n00001002"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tiny_imagenet(tmp_path / "tiny-imagenet-200", classes=3, train=2, val=6)


def samples(root: Path, split: str) -> list[tuple[str, int]]:
    dataset = TinyImageNet(str(root), split=split)  # type: ignore[arg-type]
    items = (dataset.get_data_info(index) for index in range(len(dataset)))
    return [(Path(item["img_path"]).name, item["gt_label"]) for item in items]


def test_labels_follow_the_alphabet_and_not_the_file(root: Path) -> None:
    assert (root / "wnids.txt").read_text().split() == WNIDS[::-1]
    expected = [(f"{wnid}_{n}.JPEG", label) for label, wnid in enumerate(WNIDS) for n in range(2)]
    assert samples(root, "train") == expected


def test_validation_labels_are_the_annotations(root: Path) -> None:
    assert samples(root, "val") == [(f"val_{n}.JPEG", n % 3) for n in range(6)]


def test_names_come_from_the_file(root: Path) -> None:
    names = tuple(f"name {wnid}, synonym" for wnid in WNIDS)
    assert TinyImageNet(str(root), lazy_init=True).metainfo["classes"] == names
    own = TinyImageNet(str(root), classes=["a", "b", "c"])
    assert own.metainfo["classes"] == ("a", "b", "c")
    own = TinyImageNet(str(root), metainfo=dict(classes=("x", "y", "z")))
    assert own.metainfo["classes"] == ("x", "y", "z")


def test_images_load(root: Path) -> None:
    pipeline = [dict(type="mmpretrain.LoadImageFromFile"), dict(type="mmpretrain.PackInputs")]
    dataset = DATASETS.build(
        dict(type="mmkd.TinyImageNet", data_root=str(root), split="val", pipeline=pipeline)
    )
    assert dataset[4]["inputs"].shape == (3, 64, 64)
    assert dataset[4]["data_samples"].gt_label == 1


@pytest.mark.parametrize("layout", ["val/{}", "val/{}/images", "val/images/{}"])
@pytest.mark.parametrize("keeps_annotations", [True, False])
def test_sorted_validation_images_are_found(
    root: Path, layout: str, keeps_annotations: bool
) -> None:
    expected = sorted(samples(root, "val"))
    for name, label in expected:
        folder = root / layout.format(WNIDS[label])
        folder.mkdir(parents=True, exist_ok=True)
        (root / "val/images" / name).rename(folder / name)
    if not keeps_annotations:
        (root / "val/val_annotations.txt").unlink()
    assert sorted(samples(root, "val")) == expected


@pytest.mark.parametrize("name", ["wnids.txt", "words.txt", "train/n00001001", "val/images"])
def test_what_is_missing_is_named(root: Path, name: str) -> None:
    path = root / name
    path.unlink() if path.is_file() else shutil.rmtree(path)
    split = "val" if name.startswith("val") else "train"
    with pytest.raises(FileNotFoundError, match=rf"{name}.*download_dataset.py tiny_imagenet"):
        samples(root, split)


def test_another_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"wnids.txt' is missing"):
        TinyImageNet(str(tmp_path))


def test_half_moved_validation_images_are_told(root: Path) -> None:
    folder = root / "val" / WNIDS[0]
    folder.mkdir()
    (root / "val/images/val_3.JPEG").rename(folder / "val_3.JPEG")
    with pytest.raises(FileNotFoundError, match=r"lacks 1 images .* such as val_3.JPEG"):
        samples(root, "val")


def test_annotations_that_do_not_fit_are_told(root: Path) -> None:
    annotations = root / "val/val_annotations.txt"
    lines = annotations.read_text().splitlines()
    annotations.write_text("\n".join(lines[1:]))
    with pytest.raises(ValueError, match=r"has no class for val_0.JPEG"):
        samples(root, "val")
    annotations.write_text("\n".join(["val_0.JPEG\tn99999999\t0", *lines[1:]]))
    with pytest.raises(ValueError, match=r"line 1 .*n99999999"):
        samples(root, "val")


def test_a_class_without_a_name_is_told(root: Path) -> None:
    (root / "words.txt").write_text("n00001000\tone\n")
    with pytest.raises(ValueError, match="no name for 2 classes, such as n00001001"):
        samples(root, "train")


def test_the_test_split_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="'train' or 'val', not 'test'; the test images have no"):
        TinyImageNet(str(root), split="test")  # type: ignore[arg-type]
