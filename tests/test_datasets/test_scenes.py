"""Scenes in COCO's form match the drawing, and pycocotools accepts them as COCO."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.random import RandomState

pytest.importorskip("pycocotools")

from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from mmkd.datasets import Digits
from mmkd.datasets.scenes import (
    Category,
    Objects,
    Scene,
    annotate,
    classes_of_pixels,
    compose,
    write_split,
)

CATEGORIES = [Category(number, f"class {number}") for number in (2, 3, 7)]
COUNT = 120
# Of the first two images of seed 0: id, category, whether it is a crowd, and box of each object.
FIRST = dict(
    train=[
        (9, 2, 0, 22, 46, 14, 11),
        (9, 2, 0, 19, 14, 37, 32),
        (16, 3, 0, 76, 77, 12, 13),
        (16, 7, 0, 24, 21, 29, 38),
        (16, 2, 0, 68, 66, 13, 9),
        (16, 2, 0, 32, 63, 16, 21),
        (16, 3, 0, 38, 34, 21, 30),
        (16, 2, 1, 37, 23, 58, 31),
    ],
    val=[
        (9, 7, 0, 29, 0, 51, 63),
        (9, 7, 0, 1, 10, 48, 50),
        (9, 7, 0, 58, 15, 10, 14),
        (16, 2, 0, 63, 5, 16, 19),
        (16, 7, 0, 36, 13, 7, 17),
        (16, 3, 0, 39, 44, 25, 24),
        (16, 7, 0, 43, 9, 18, 22),
    ],
)


def squares(*labels: int) -> Objects:
    """Objects that fill their image, one of each label given."""
    return Objects([np.full((8, 8), 16, np.uint8)] * len(labels), labels, CATEGORIES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenes")
    write_split(path, "train", squares(0, 1, 2), COUNT, 96, seed=0)
    return path


@pytest.fixture(scope="module")
def coco(folder: Path) -> COCO:
    return COCO(str(folder / "annotations/instances_train2017.json"))


def test_boxes_and_areas_are_those_of_the_segmentations(coco: COCO) -> None:
    for annotation in coco.anns.values():
        mask = coco.annToMask(annotation)
        rows, columns = np.nonzero(mask)
        left, top, width, height = annotation["bbox"]
        assert (columns.min(), rows.min()) == (left, top)
        assert (columns.max() + 1, rows.max() + 1) == (left + width, top + height)
        assert mask.sum() == annotation["area"] > 0


def test_boxes_lie_inside_of_the_images_that_are_there(coco: COCO, folder: Path) -> None:
    for image in coco.imgs.values():
        height, width, _ = cv2.imread(str(folder / "train2017" / image["file_name"])).shape
        assert (height, width) == (image["height"], image["width"])
        assert max(height, width) == 96
        for annotation in coco.imgToAnns[image["id"]]:
            left, top, wide, high = annotation["bbox"]
            assert 0 <= left < left + wide <= width
            assert 0 <= top < top + high <= height


def test_there_is_what_a_detector_has_to_cope_with(coco: COCO) -> None:
    numbers = [len(coco.getAnnIds(image, iscrowd=False)) for image in coco.imgs]
    assert min(numbers) == 0
    assert max(numbers) >= 7
    crowds = coco.loadAnns(coco.getAnnIds(iscrowd=True))
    assert crowds
    assert all(isinstance(crowd["segmentation"]["counts"], list) for crowd in crowds)
    objects = coco.loadAnns(coco.getAnnIds(iscrowd=False))
    sides = [max(annotation["bbox"][2:]) for annotation in objects]
    assert max(sides) > 3.5 * min(sides)
    assert any(_overlaps(coco, image) for image in coco.imgs)
    assert {annotation["category_id"] for annotation in objects} == {2, 3, 7}


def _overlaps(coco: COCO, image: int) -> bool:
    boxes = [a["bbox"] for a in coco.imgToAnns[image]]
    overlap = coco_mask.iou(boxes, boxes, [0] * len(boxes)) if boxes else np.eye(1)
    return bool((overlap > 0.1).sum() > len(overlap))


def test_the_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_split(tmp_path, "train", squares(0, 1, 2), COUNT, 96, seed=0)
    files = [path.relative_to(folder) for path in folder.rglob("*.*")]
    assert len(files) == COUNT + 1
    for file in files:
        assert (folder / file).read_bytes() == (tmp_path / file).read_bytes()


@pytest.mark.parametrize(("split", "first"), [*FIRST.items()])
def test_the_objects_of_a_seed_stay_where_they_are(tmp_path: Path, split: str, first: list) -> None:
    """Files that others have made by the same command are the same as ours."""
    write_split(tmp_path, split, squares(0, 1, 2), 2, 96, seed=0)
    content = json.loads((tmp_path / f"annotations/instances_{split}2017.json").read_text())
    keys = ("image_id", "category_id", "iscrowd")
    found = [(*(a[key] for key in keys), *a["bbox"]) for a in content["annotations"]]
    assert found == first


def test_the_colours_of_a_seed_stay_what_they_are() -> None:
    scene = compose(squares(0, 1, 2), 96, RandomState(0))
    assert scene.pixels.mean((0, 1)).tolist() == pytest.approx([140.70, 109.46, 170.92], abs=0.02)


@pytest.mark.parametrize(("split", "seed"), [("train", 1), ("val", 0)])
def test_other_seeds_and_splits_are_other_scenes(
    coco: COCO, tmp_path: Path, split: str, seed: int
) -> None:
    write_split(tmp_path, split, squares(0, 1, 2), 5, 96, seed)
    other = json.loads((tmp_path / f"annotations/instances_{split}2017.json").read_text())
    assert other["annotations"] != list(coco.anns.values())[: len(other["annotations"])]


def test_the_part_that_another_hides_is_not_labelled() -> None:
    scene = Scene(np.zeros((40, 40, 3), np.float32))
    ink = np.full(3, 200, np.float32)
    square = squares(0).images[0]
    scene.place(square, 0, (0, 0, 20, 20), ink)
    scene.place(square, 1, (10, 0, 20, 20), ink)
    under, over = annotate(scene, CATEGORIES)
    assert (under["bbox"], under["area"], under["category_id"]) == ([0, 0, 10, 20], 200, 2)
    assert (over["bbox"], over["area"], over["category_id"]) == ([10, 0, 20, 20], 400, 3)


def test_no_object_vanishes_behind_another() -> None:
    scene = Scene(np.zeros((40, 40, 3), np.float32))
    ink = np.full(3, 200, np.float32)
    square = squares(0).images[0]
    scene.place(square, 0, (0, 0, 20, 20), ink)
    scene.place(square, 1, (0, 0, 20, 20), 0.5 * ink)
    assert len(scene.masks) == 1
    assert scene.pixels[:20, :20].min() == 200


def test_a_crowd_of_which_nothing_is_seen_has_no_annotation() -> None:
    scene = Scene(np.zeros((40, 40, 3), np.float32))
    scene.place(squares(0).images[0], 0, (0, 0, 20, 20), np.full(3, 200, np.float32))
    scene.crowd = len(scene.masks)
    [alone] = annotate(scene, CATEGORIES)
    assert alone["iscrowd"] == 0


def test_wide_objects_fit_into_narrow_images() -> None:
    random = RandomState(0)
    for _ in range(200):
        scene = compose(squares(0, 1), 64, random)
        assert all(mask.shape == scene.pixels.shape[:2] for mask in scene.masks)


def test_a_digit_is_where_its_label_says() -> None:
    digits = Digits("test", pipeline=[])
    sample = digits.get_data_info(3)
    scene = Scene(np.full((60, 60, 3), 100, np.float32))
    scene.place(sample["img"], sample["gt_label"], (12, 20, 24, 24), np.zeros(3, np.float32))
    categories = [Category(10 + digit, str(digit)) for digit in range(10)]
    [annotation] = annotate(scene, categories)
    left, top, width, height = annotation["bbox"]
    assert annotation["category_id"] == 10 + sample["gt_label"]
    rows, columns = np.nonzero(scene.pixels[..., 0] < 50)
    assert (columns.min(), rows.min()) == (left, top)
    assert (columns.max() + 1, rows.max() + 1) == (left + width, top + height)


def test_a_pixel_has_the_class_of_what_is_seen_there_and_a_crowds_are_ignored() -> None:
    """Background is 0, the first class 1; of two objects the later one is on top."""
    scene = Scene(np.zeros((4, 6, 3), np.float32))
    whole, white = np.full((8, 8), 16, np.uint8), np.full(3, 255, np.float32)
    scene.place(whole, 2, (0, 0, 4, 4), white)
    scene.place(whole, 0, (3, 0, 1, 4), white)
    scene.crowd = len(scene.masks)
    scene.place(whole, 1, (4, 0, 1, 4), white)
    assert (classes_of_pixels(scene) == [[3, 3, 3, 1, 255, 0]] * 4).all()


def test_the_classes_of_pixels_are_written_beside_the_boxes(tmp_path: Path) -> None:
    write_split(tmp_path, "val", squares(0, 1, 2), 3, 96, seed=0, pixels=True)
    maps = sorted((tmp_path / "annotations/val2017").iterdir())
    images = sorted((tmp_path / "val2017").iterdir())
    assert [path.stem for path in maps] == [path.stem for path in images]
    for one, image in zip(maps, images, strict=True):
        classes = cv2.imread(str(one), cv2.IMREAD_UNCHANGED)
        assert classes.shape == cv2.imread(str(image)).shape[:2]
        assert {*np.unique(classes).tolist()} <= {0, 1, 2, 3, 255}
