"""Scenes composed of small images of single objects, with labels in COCO's form."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Annotation = dict[str, Any]

LEAST_VISIBLE = 0.4
LEAST_SIDE = 8
CONTRAST = 70.0
EMPTY, CROWDED, CROWD = 0.06, 0.25, 0.15
IGNORED = 255


@dataclass(frozen=True)
class Category:
    """Class of objects: its id and name in the annotations."""

    id: int
    name: str


@dataclass(frozen=True)
class Objects:
    """Objects of which scenes are composed.

    Attributes:
        images: Grey images of one object each, bright on black.
        labels: Index of each image's class.
        categories: Category of each class.
    """

    images: Sequence[Image]
    labels: Sequence[int]
    categories: Sequence[Category]


@dataclass
class Scene:
    """Image that is being composed.

    Attributes:
        pixels: Shape (H, W, 3), 0 to 255.
        masks: The visible part of each object, shape (H, W).
        sizes: Number of pixels of each object before others were placed on top of it.
        labels: The class of each object.
        crowd: Index of the first object that belongs to a crowd, which is labelled as one region.
    """

    pixels: NDArray[np.float32]
    masks: list[Mask] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    crowd: int | None = None

    def place(self, image: Image, label: int, box: Sequence[int], ink: NDArray[np.float32]) -> None:
        """Put an object on top of the scene, unless that would hide most of another object.

        Args:
            image: The object's image.
            label: Class of the object.
            box: Left, top, width and height of the image in the scene; it lies inside.
            ink: Colour of the object, shape (3,).
        """
        left, top, width, height = box
        # Cubic interpolation overshoots, so the values are clipped.
        alpha = cv2.resize(image / np.float32(image.max()), (width, height), None, 0, 0, 2)
        alpha = np.clip(alpha, 0, 1)[..., None].astype(np.float32)
        mask = np.zeros(self.pixels.shape[:2], bool)
        mask[top : top + height, left : left + width] = alpha[..., 0] > 0.5
        rest = [other & ~mask for other in self.masks]
        if any(m.sum() < LEAST_VISIBLE * n for m, n in zip(rest, self.sizes, strict=True)):
            return
        region = self.pixels[top : top + height, left : left + width]
        region += alpha * (ink - region)
        self.masks = [*rest, mask]
        self.sizes.append(int(mask.sum()))
        self.labels.append(label)


def compose(objects: Objects, size: int, random: RandomState) -> Scene:
    """Compose a scene: empty, with scattered objects, or with clustered ones; some have a crowd.

    Args:
        objects: Objects that can be placed.
        size: Length of the longer side in pixels.
        random: Source of all random numbers.
    """
    short = int(size * random.uniform(0.6, 1.0))
    shape = (size, short) if random.rand() < 0.5 else (short, size)
    scene = Scene(_background(shape, random))
    if random.rand() < EMPTY:
        return scene
    crowded = random.rand() < CROWDED
    spread = 0.18 if crowded else 1.0
    center = random.uniform(0.3, 0.7, 2)
    for _ in range(random.randint(6, 13) if crowded else random.randint(1, 7)):
        side = size * np.exp(random.uniform(np.log(0.12), np.log(0.3 if crowded else 0.55)))
        _place_any(
            scene, objects, random.randint(len(objects.images)), side, center, spread, random
        )
    if random.rand() < CROWD:
        scene.crowd = len(scene.masks)
        label = objects.labels[random.randint(len(objects.labels))]
        members = np.flatnonzero(np.asarray(objects.labels) == label)
        center = random.uniform(0.2, 0.8, 2)
        for _ in range(10):
            _place_any(scene, objects, random.choice(members), 0.1 * size, center, 0.1, random)
    return scene


def _place_any(
    scene: Scene,
    objects: Objects,
    index: int,
    side: float,
    center: NDArray[np.float64],
    spread: float,
    random: RandomState,
) -> None:
    """Place an object at a random position, within ``spread`` of the center if that is below 1."""
    height, width = scene.pixels.shape[:2]
    sides = (int(side * random.uniform(0.8, 1.2)) for _ in range(2))
    wide, high = np.clip([*sides], LEAST_SIDE, (width, height)).tolist()
    position = random.uniform(0, 1, 2) if spread == 1 else random.normal(center, spread)
    left, top = np.clip(position, 0, 1) * (width - wide, height - high)
    box = (int(left), int(top), wide, high)
    under = scene.pixels[box[1] : box[1] + high, box[0] : box[0] + wide].mean((0, 1))
    # The colour is drawn until it is neither invisible nor always brighter than the background.
    ink = random.uniform(0, 255, 3)
    while abs(ink.mean() - under.mean()) < CONTRAST:
        ink = random.uniform(0, 255, 3)
    scene.place(objects.images[index], objects.labels[index], box, ink.astype(np.float32))


def _background(shape: tuple[int, int], random: RandomState) -> NDArray[np.float32]:
    """Return coloured clouds with grain, shape (H, W, 3)."""
    coarse = random.uniform(-40, 40, (4, 4, 3)) + random.uniform(50, 205, 3)
    clouds = cv2.resize(coarse.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    grain = random.normal(0, 6, (*shape, 3))
    return np.clip(clouds + grain, 0, 255).astype(np.float32)


def annotate(scene: Scene, categories: Sequence[Category]) -> list[Annotation]:
    """Return a scene's annotations in COCO's form, without ``id`` and ``image_id``.

    An object gets polygons around its visible parts, a crowd gets one mask in COCO's run-length
    code.
    """
    alone = scene.masks[: scene.crowd]
    annotations = []
    for mask, label in zip(alone, scene.labels, strict=False):
        polygons = _polygons(mask)
        if polygons:
            annotations.append(_annotation(mask, polygons, categories[label].id, 0))
    if scene.crowd is not None and len(scene.masks) > scene.crowd:
        region: Mask = np.any(scene.masks[scene.crowd :], axis=0)
        category = categories[scene.labels[scene.crowd]].id
        annotations.append(_annotation(region, _run_lengths(region), category, 1))
    return annotations


def _annotation(mask: Mask, segmentation: Any, category: int, iscrowd: int) -> Annotation:
    from pycocotools import mask as coco_mask  # type: ignore[import-untyped]

    height, width = mask.shape
    rle = coco_mask.frPyObjects(segmentation, height, width)
    area = coco_mask.area(rle if iscrowd else coco_mask.merge(rle))
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    left, top = int(columns[0]), int(rows[0])
    return dict(
        segmentation=segmentation,
        area=float(area),
        iscrowd=iscrowd,
        bbox=[left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
        category_id=category,
    )


def _polygons(mask: Mask) -> list[list[float]]:
    """Return the outlines of a mask's parts, [x, y, x, y, ...] each; holes are filled, as in COCO.

    They run along the outer edges of the pixels, not through their centers.
    """
    double = cv2.resize(mask.astype(np.uint8), None, None, 2, 2, cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(double, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corners = [contour[:, 0] for contour in contours if len(contour) >= 4]
    # Pixel p covers 2p and 2p + 1 at double size, and p to p + 1 in the polygon's coordinates.
    return [list(map(float, ((points + points % 2) / 2).ravel())) for points in corners]


def _run_lengths(mask: Mask) -> dict[str, list[int]]:
    """Return COCO's run-length code: lengths of runs of 0, 1, 0, ... down the columns."""
    values = np.concatenate([[False], mask.ravel(order="F")])
    changes = np.flatnonzero(np.diff(values))
    runs = np.diff(np.concatenate([[0], changes, [mask.size]]))
    return dict(counts=runs.tolist(), size=list(mask.shape))


def classes_of_pixels(scene: Scene) -> Image:
    """Return the class of each pixel, shape (H, W), in the form of segmentation's annotations.

    Background is 0 and the first class 1. The pixels of a crowd are 255, which training ignores.
    """
    classes = np.zeros(scene.pixels.shape[:2], np.uint8)
    for number, (mask, label) in enumerate(zip(scene.masks, scene.labels, strict=True)):
        crowded = scene.crowd is not None and number >= scene.crowd
        classes[mask] = IGNORED if crowded else label + 1
    return classes


def write_split(
    folder: Path,
    split: str,
    objects: Objects,
    count: int,
    size: int,
    seed: int,
    pixels: bool = False,
) -> dict[str, int]:
    """Write ``<split>2017/`` and ``annotations/instances_<split>2017.json`` below a folder.

    The n-th image depends on the split, the seed and n, not on the number of images.

    Args:
        folder: The root of the dataset.
        split: ``'train'`` or ``'val'``.
        objects: Objects of which the scenes are composed.
        count: Number of images to write.
        size: Length of the longer side in pixels.
        seed: Seed of the scenes.
        pixels: Whether to write the class of each pixel as well, ``annotations/<split>2017/*.png``,
            see :func:`classes_of_pixels`.

    Returns:
        The numbers of written images, objects, crowd regions and empty images.
    """
    images, annotations = list[dict[str, Any]](), list[Annotation]()
    maps = folder / "annotations" / f"{split}2017"
    for path in (maps if pixels else maps.parent, folder / f"{split}2017"):
        path.mkdir(parents=True, exist_ok=True)
    for number, scene in _scenes(objects, split, count, size, seed):
        height, width = scene.pixels.shape[:2]
        name = f"{number:012d}.jpg"
        cv2.imwrite(str(folder / f"{split}2017" / name), scene.pixels.round().astype(np.uint8))
        if pixels:
            cv2.imwrite(str((maps / name).with_suffix(".png")), classes_of_pixels(scene))
        images.append(dict(id=number, file_name=name, height=height, width=width))
        for annotation in annotate(scene, objects.categories):
            annotations.append(dict(id=len(annotations) + 1, image_id=number, **annotation))
    categories = [
        dict(id=c.id, name=c.name) for c in sorted(objects.categories, key=attrgetter("id"))
    ]
    content = dict(images=images, annotations=annotations, categories=categories)
    target = folder / "annotations" / f"instances_{split}2017.json"
    target.write_text(json.dumps(content))
    crowds = sum(annotation["iscrowd"] for annotation in annotations)
    full = {annotation["image_id"] for annotation in annotations}
    return dict(
        images=count,
        objects=len(annotations) - crowds,
        crowds=crowds,
        empty=count - len(full),
    )


def _scenes(
    objects: Objects, split: str, count: int, size: int, seed: int
) -> Iterator[tuple[int, Scene]]:
    """Yield scenes with image ids, which leave gaps as COCO's ids do."""
    for index in range(count):
        # RandomState, not default_rng: NumPy promises never to change RandomState's stream.
        random = RandomState([seed, split == "val", index])
        yield 7 * index + 9, compose(objects, size, random)
