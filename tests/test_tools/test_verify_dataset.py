"""tools/dataset_tools/verify_dataset.py."""

import json
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import make_cifar100  # noqa: F401  registers GeneratedCIFAR100
import numpy as np
import pytest
from make_cifar100 import write_cifar100
from make_fashion_mnist import write_fashion_mnist
from scenes import write_cells
from small_folders import write_cinic10, write_tiny_imagenet
from tool_runs import ROOT

SCRIPT = ROOT / "tools/dataset_tools/verify_dataset.py"
Verify = Callable[..., tuple[str, str]]


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Verify:
    """Runs the tool; returns what it printed, and what is wrong (with exit code 1)."""

    def run(*arguments: object) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["verify_dataset.py", *map(str, arguments)])
        code: object = 0
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        assert code == (1 if printed.err else 0)
        return printed.out, printed.err

    return run


@pytest.fixture
def cinic10(tmp_path: Path) -> Path:
    return write_cinic10(tmp_path / "cinic10", each=1)


def test_digits_are_right(verify: Verify) -> None:
    out, wrong = verify("digits", "--duplicates")
    assert out == "Digits train: 1297 images, right\nDigits test: 500 images, right\n"
    assert not wrong


def test_a_part_of_a_data_set_is_told_from_the_whole(cinic10: Path, verify: Verify) -> None:
    out, wrong = verify("cinic10", "--data-root", cinic10)
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "CINIC10 train",
        "CINIC10 valid",
        "CINIC10 test",
    ]
    assert "CINIC10 valid: it has 10 images, officially there are 90000" in wrong
    assert "CINIC10 test: classes that have not 9000 images: 10: airplane (1), " in wrong
    out, wrong = verify("cinic10", "--data-root", cinic10, "--any-count")
    assert out.count("10 images, right") == 3
    assert not wrong


def test_broken_images_are_named(cinic10: Path, verify: Verify) -> None:
    paths = [next((cinic10 / f"train/{name}").iterdir()) for name in ("cat", "dog", "frog")]
    paths[0].write_bytes(b"")
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    paths[2].write_text("no image")
    wide = next((cinic10 / "test/ship").iterdir())
    cv2.imwrite(str(wide), np.zeros((32, 33, 3), np.uint8))
    clear = next((cinic10 / "test/deer").iterdir())
    cv2.imwrite(str(clear), np.zeros((32, 32, 4), np.uint8))
    out, wrong = verify("cinic10", "--data-root", cinic10, "--any-count")
    assert "CINIC10 train: 10 images, wrong" in out
    assert "CINIC10 valid: 10 images, right" in out
    lines = set(wrong.splitlines())
    assert f"CINIC10 train: files that are empty: 1: {paths[0]}" in lines
    unreadable = "files that cannot be read as an image, damaged or cut off"
    assert f"CINIC10 train: {unreadable}: 2: {paths[1]}, {paths[2]}" in lines
    assert f"CINIC10 test: images that are not 32 x 32 pixels: 1: {wide}" in lines
    assert f"CINIC10 test: images stored as RGBA, not RGB or L: 1: {clear}" in lines
    assert len(lines) == 4


def test_duplicates_are_found_on_request(cinic10: Path, verify: Verify) -> None:
    source = next((cinic10 / "train/cat").iterdir())
    again = [cinic10 / "train/dog/again.png", cinic10 / "test/cat/again.png"]
    # Another file of the same pixels.
    cv2.imwrite(str(again[0]), cv2.imread(str(source)), [cv2.IMWRITE_PNG_COMPRESSION, 0])
    shutil.copy(source, again[1])
    given = ("cinic10", "--data-root", cinic10, "--any-count")
    _, wrong = verify(*given)
    assert not wrong
    _, wrong = verify(*given, "--duplicates")
    assert wrong.splitlines() == [
        f"CINIC10 train: images that occur more than once: 1: {source} = {again[0]}",
        f"images of CINIC10 train that are in CINIC10 test too: 1: {source} = {again[1]}",
    ]


def test_tiny_imagenet(tmp_path: Path, verify: Verify) -> None:
    root = write_tiny_imagenet(tmp_path / "tiny", classes=3, train=1, val=3)
    _, wrong = verify("tiny_imagenet", "--data-root", root, "--any-count")
    assert wrong.splitlines() == [
        f"TinyImageNet {part}: it has 3 classes, the config's num_classes is 200"
        for part in ("train", "val")
    ]
    given = ("--any-count", "--cfg-options", "data_preprocessor.num_classes=3")
    assert not verify("tiny_imagenet", "--data-root", root, *given)[1]


def test_a_config_of_packed_images(tmp_path: Path, verify: Verify) -> None:
    root = write_cifar100(tmp_path / "cifar100", train=100, test=100)
    options = [
        f"{loader}_dataloader.dataset.type=GeneratedCIFAR100" for loader in ("train", "val", "test")
    ]
    config = ROOT / "configs/erkd/resnet32x4_resnet8x4_cifar100.py"
    out, wrong = verify(config, "--data-root", root, "--duplicates", "--cfg-options", *options)
    assert out.count("100 images, right") == 2
    assert not wrong


def test_missing_cifar100_is_not_downloaded(tmp_path: Path, verify: Verify) -> None:
    out, wrong = verify("cifar100", "--data-root", tmp_path)
    assert "Cannot find CIFAR100" in wrong
    assert "Downloading" not in out
    assert not any(tmp_path.iterdir())


def test_a_configs_subset_does_not_matter(tmp_path: Path, verify: Verify) -> None:
    root = write_fashion_mnist(tmp_path / "fashion", seed=0)
    config = ROOT / "configs/erkd/resnet20_resnet8_w8_fmnist8k.py"
    out, wrong = verify(config, "--data-root", root)
    assert "FashionMNIST train: 40 images, wrong" in out
    assert "it has 40 images, officially there are 60000" in wrong


def test_datasets_in_wrappers_are_found(cinic10: Path, tmp_path: Path, verify: Verify) -> None:
    path = tmp_path / "config.py"
    inner = dict(type="mmkd.CINIC10", data_root=str(cinic10), pipeline=[])
    repeated = dict(type="RepeatDataset", times=3, dataset=dict(inner, split="train"))
    both = dict(type="ConcatDataset", datasets=[repeated, dict(inner, split="valid")])
    path.write_text(f"train_dataloader = dict(dataset={both!r})\n")
    out, _ = verify(path, "--any-count")
    assert out.splitlines() == [
        "CINIC10 train: 10 images, right",
        "CINIC10 valid: 10 images, right",
    ]


def test_what_is_missing_is_said_once(tmp_path: Path, verify: Verify) -> None:
    _, wrong = verify("tiny_imagenet", "--data-root", tmp_path)
    [line] = wrong.splitlines()
    assert "wnids.txt' is missing" in line
    with pytest.raises(AssertionError):  # a message in place of the exit code
        verify("nothing.py")


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    pytest.importorskip("pycocotools")
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    for split, offset in (("train", 0), ("val", 10)):
        (root / f"{split}2017").mkdir()
        images = []
        for index in range(offset, offset + 3):
            name = f"{index:012d}.jpg"
            pixels = np.random.RandomState(index).randint(0, 256, (20, 30, 3)).astype(np.uint8)
            cv2.imwrite(str(root / f"{split}2017" / name), pixels)
            images.append(dict(id=index, file_name=name, width=30, height=20))
        box = dict(id=1, image_id=offset, category_id=7, bbox=[1, 1, 5, 5], area=25, iscrowd=0)
        content = dict(images=images, annotations=[box], categories=[dict(id=7, name="zero")])
        (root / f"annotations/instances_{split}2017.json").write_text(json.dumps(content))
    return root


def change(coco: Path, edit: Callable[[dict], None]) -> None:
    file = coco / "annotations/instances_train2017.json"
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))


ONE_CLASS = [
    f"{loader}_dataloader.dataset.metainfo.classes=['zero']" for loader in ("train", "val", "test")
]


def test_coco_is_right_with_its_classes(coco: Path, verify: Verify) -> None:
    out, wrong = verify("coco", "--data-root", coco, "--cfg-options", *ONE_CLASS)
    # mmdet's first import may speak.
    assert out.splitlines()[-2:] == [
        "CocoDataset instances_train2017: 3 images, right",
        "CocoDataset instances_val2017: 3 images, right",
    ]
    assert not wrong


def test_cocos_own_classes_and_counts_are_asked_for(coco: Path, verify: Verify) -> None:
    _, wrong = verify("coco", "--data-root", coco)
    assert "classes without a category in the annotations: 80: airplane, apple, " in wrong
    assert "it lists 3 images, officially there are 118287" in wrong
    assert "it lists 3 images, officially there are 5000" in wrong


def test_cocos_files_and_annotations_are_checked(coco: Path, verify: Verify) -> None:
    images = sorted((coco / "train2017").iterdir())
    images[0].unlink()
    images[1].write_bytes(images[1].read_bytes()[:300])
    cv2.imwrite(str(images[2]), np.zeros((30, 20, 3), np.uint8))
    extra = dict(id=2, image_id=99, category_id=5, bbox=[1, 1, 5, 5], area=25, iscrowd=0)
    change(coco, lambda content: content["annotations"].append(extra))
    _, wrong = verify("coco", "--data-root", coco, "--cfg-options", *ONE_CLASS)
    name = "CocoDataset instances_train2017"
    assert set(wrong.splitlines()) == {
        f"{name}: images that are missing: 1: {images[0]}",
        f"{name}: files that cannot be read as an image, damaged or cut off: 1: {images[1]}",
        f"{name}: images that are not 30 x 20 pixels: 1: {images[2]}",
        f"{name}: annotations, by id, of images that are not listed: 1: 2",
        f"{name}: annotations, by id, of categories that are not listed: 1: 2",
    }


def test_boxes_of_vocs_files_are_checked(tmp_path: Path, verify: Verify) -> None:
    pytest.importorskip("mmdet")
    root = write_cells(tmp_path / "BCCD", train=3)
    out, wrong = verify("bccd", "--data-root", root)
    assert out.splitlines()[-3:] == [
        f"VOCDataset {split}: {count} images, right"
        for split, count in (("train", 3), ("val", 1), ("test", 1))
    ]
    assert not wrong
    changes = {0: ("<xmin>20<", "<xmin>120<"), 1: ("<xmax>300<", "<xmax>330<"), 2: ("WBC", "Cell")}
    for number, (before, after) in changes.items():
        file = root / f"Annotations/BloodImage_{number:05d}.xml"
        file.write_text(file.read_text().replace(before, after))
    (root / "Annotations/BloodImage_00003.xml").unlink()
    _, wrong = verify("bccd", "--data-root", root)
    where = "VOCDataset train: boxes"
    assert set(wrong.splitlines()) == {
        f"{where} without an area, or with swapped corners: 1: RBC in BloodImage_00000",
        f"{where} beyond the edges of their image: 1: WBC in BloodImage_00001",
        f"{where} of classes that the dataset does not have: 1: Cell in BloodImage_00002",
        "VOCDataset val: images without annotations: 1: BloodImage_00003",
        "VOCDataset val: classes without a box: 3: Platelets, RBC, WBC",
    }
