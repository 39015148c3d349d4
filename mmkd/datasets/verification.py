"""Checks of a data set's files: whether all exist, can be read, and have the right content."""

import contextlib
import hashlib
import inspect
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from mmengine.registry import DATASETS
from numpy.typing import NDArray
from PIL import Image

from mmkd.compat.progress import track
from mmkd.datasets.inspection import build_stored, each
from mmkd.datasets.official import OFFICIAL, Official

LISTED = 5
# Exceptions that Pillow raises for a cut-off or damaged file.
UNREADABLE = (OSError, SyntaxError, ValueError)


@dataclass(frozen=True)
class Item:
    """Image of a split.

    Attributes:
        name: Name of the image in messages.
        stored: File of the image, or its pixels if one file contains many images.
        size: Required width and height, if known.
    """

    name: str
    stored: Path | NDArray[Any]
    size: tuple[int, int] | None = None


@dataclass
class Split:
    """Images of a split, and their problems.

    Attributes:
        name: Name of the split in messages.
        items: Images of the split.
        modes: Pillow's modes that files may have; any mode is allowed if there are none.
        problems: Descriptions of problems, each with the names that it concerns; no names if it
            concerns the split as a whole.
        digests: Names of the images with the same pixels, by the hash of the pixels.
    """

    name: str
    items: Sequence[Item]
    modes: tuple[str, ...] = ()
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    digests: dict[bytes, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, problem: str, names: Sequence[str]) -> None:
        """Note a problem of the named images or classes, if there are any."""
        if names:
            self.problems[problem] += names

    def wrong(self) -> list[str]:
        """Return a line for each problem."""
        return [
            f"{self.name}: {problem}" + (f": {some(names)}" if names else "")
            for problem, names in self.problems.items()
        ]


def read_classification(
    dataset: dict[str, Any], scope: str | None, classes: int | None, counts: bool
) -> Split:
    """Read a dataset in mmpretrain's form, and compare its list with the official facts.

    Args:
        dataset: the config of the dataset.
        scope: the ``default_scope`` of the config that contains it.
        classes: ``num_classes`` of the config's data preprocessor, or ``None``.
        counts: whether the number of images must be the official one.

    Raises:
        Exception: any exception that the dataset raises if files are missing.
    """
    with DATASETS.switch_scope_and_registry(scope or "mmpretrain") as registry:
        kind = registry.get(dataset["type"])
    if kind is not None and "download" in inspect.signature(kind.__init__).parameters:
        dataset = dict(dataset, download=False)
    built = build_stored(dataset, scope, whole=True)
    part = str(dataset.get("split") or getattr(built, "split", ""))
    infos = [built.get_data_info(index) for index in range(len(built))]
    official = OFFICIAL.get(_bare(dataset), Official({}, {}))
    items = [
        Item(str(info["img_path"]), Path(info["img_path"]), official.size)
        if "img_path" in info
        else Item(f"image {index}", np.asarray(info["img"]), official.size)
        for index, info in enumerate(infos)
    ]
    split = Split(f"{_bare(dataset)} {part}".strip(), items, official.modes)
    names = built.metainfo.get("classes") or ()
    labels = Counter(info["gt_label"] for info in infos if "gt_label" in info)
    _compare_classes(split, names, labels, classes)
    if counts:
        _compare_counts(split, names, labels, official, part)
    return split


def _bare(dataset: Mapping[str, Any]) -> str:
    """Return the type of a dataset without its scope."""
    return str(dataset["type"]).rpartition(".")[2]


def _compare_classes(
    split: Split, names: Sequence[str], labels: Mapping[int, int], classes: int | None
) -> None:
    if classes is not None and len(names) != classes:
        split.problems[f"it has {len(names)} classes, the config's num_classes is {classes}"] = []
    wrong = [str(label) for label in sorted(labels) if not 0 <= label < len(names)]
    split.note("labels that are no class", wrong)


def _compare_counts(
    split: Split, names: Sequence[str], labels: Mapping[int, int], official: Official, part: str
) -> None:
    expected = official.images.get(part)
    if expected is not None and len(split.items) != expected:
        split.problems[f"it has {len(split.items)} images, officially there are {expected}"] = []
    if part in official.each:
        right = official.each[part]
        found = [(name, labels.get(label, 0)) for label, name in enumerate(names)]
        wrong = [f"{name} ({count})" for name, count in found if count != right]
        split.note(f"classes that have not {right} images", wrong)


def read_coco(dataset: dict[str, Any], counts: bool) -> Split:
    """Read a dataset in COCO's format, and check its list.

    Args:
        dataset: the config of the dataset.
        counts: whether the number of images must be the official one, if no classes are named.

    Raises:
        FileNotFoundError: if the annotations are missing.
        ImportError: if pycocotools or mmdet is not installed.
    """
    from mmdet.datasets import CocoDataset
    from pycocotools.coco import COCO  # type: ignore[import-untyped]

    root = Path(dataset.get("data_root") or "").expanduser()
    file, prefix = root / dataset["ann_file"], root / dataset.get("data_prefix", {}).get("img", "")
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(file))
    items = [
        Item(str(prefix / image["file_name"]), prefix / image["file_name"], _size(image))
        for image in coco.dataset["images"]
    ]
    split = Split(f"{_bare(dataset)} {file.stem}", items)
    declared = {category["name"] for category in coco.dataset["categories"]}
    own = (dataset.get("metainfo") or {}).get("classes")
    names = own or CocoDataset.METAINFO["classes"]
    split.note("classes without a category in the annotations", sorted(set(names) - declared))
    for key, known, what in (
        ("image_id", coco.imgs, "images"),
        ("category_id", coco.cats, "categories"),
    ):
        ids = [str(a["id"]) for a in coco.dataset["annotations"] if a[key] not in known]
        split.note(f"annotations, by id, of {what} that are not listed", ids)
    expected = OFFICIAL["CocoDataset"].images.get(file.stem)
    if counts and own is None and expected is not None and len(items) != expected:
        split.problems[f"it lists {len(items)} images, officially there are {expected}"] = []
    return split


def read_voc(dataset: dict[str, Any]) -> Split:
    """Read a dataset in Pascal VOC's format, and check its list, classes and boxes.

    Args:
        dataset: the config of the dataset, mmdet's ``VOCDataset`` or ``XMLDataset``.

    Raises:
        FileNotFoundError: if the list of images is missing.
    """
    from mmdet.datasets import VOCDataset

    root = Path(dataset.get("data_root") or "").expanduser()
    folder = root / (dataset.get("data_prefix") or {}).get("sub_data_root", "")
    listed = root / dataset["ann_file"]
    classes = (dataset.get("metainfo") or {}).get("classes") or VOCDataset.METAINFO["classes"]
    items: list[Item] = []
    split = Split(f"{_bare(dataset)} {listed.stem}", items)
    found: Counter[str] = Counter()
    for name in listed.read_text().split():
        file = folder / dataset.get("ann_subdir", "Annotations") / f"{name}.xml"
        image = folder / dataset.get("img_subdir", "JPEGImages") / f"{name}.jpg"
        if not file.is_file():
            split.note("images without annotations", [name])
            continue
        page = ElementTree.parse(file).getroot()
        width, height = (int(page.findtext(f"size/{side}", "0")) for side in ("width", "height"))
        items.append(Item(str(image), image, (width, height) if width and height else None))
        for box in page.iter("object"):
            label = box.findtext("name", "")
            found[label] += 1
            split.note(
                "boxes of classes that the dataset does not have",
                _unless(label in classes, f"{label} in {name}"),
            )
            left, top, right, bottom = (
                float(box.findtext(f"bndbox/{side}", "nan"))
                for side in ("xmin", "ymin", "xmax", "ymax")
            )
            split.note(
                "boxes without an area, or with swapped corners",
                _unless(right > left and bottom > top, f"{label} in {name}"),
            )
            split.note(
                "boxes beyond the edges of their image",
                _unless(
                    min(left, top) >= 0 and right <= width and bottom <= height,
                    f"{label} in {name}",
                ),
            )
    split.note("classes without a box", sorted({*classes} - {*found}))
    return split


def _unless(right: bool, name: str) -> list[str]:
    return [] if right else [name]


def _size(image: Mapping[str, Any]) -> tuple[int, int]:
    return image["width"], image["height"]


def check_images(split: Split, digests: bool, workers: int | None = None) -> None:
    """Read every image of a split, and note the images that have problems.

    Args:
        split: the split; problems and digests are added to it.
        digests: whether to note the hash of each image's pixels, for :func:`duplicates`.
        workers: number of threads that read images.
    """

    def check(index: int) -> tuple[str | None, bytes | None]:
        return _check(split.items[index], split.modes, digests)

    results = track(each(check, len(split.items), workers), split.name, len(split.items))
    for item, (problem, digest) in zip(split.items, results, strict=True):
        if problem is not None:
            split.note(problem, [item.name])
        if digest is not None:
            split.digests[digest].append(item.name)


def _check(item: Item, modes: tuple[str, ...], digests: bool) -> tuple[str | None, bytes | None]:
    """Return the problem of an image, and the hash of its pixels if wanted."""
    problem = None
    if isinstance(item.stored, Path):
        if not item.stored.is_file():
            return "images that are missing", None
        if not item.stored.stat().st_size:
            return "files that are empty", None
        try:
            with Image.open(item.stored) as image:
                image.load()
                pixels = np.asarray(image.convert("RGB") if digests else ())
                size, mode = image.size, image.mode
        except UNREADABLE:
            return "files that cannot be read as an image, damaged or cut off", None
        if modes and mode not in modes:
            problem = f"images stored as {mode}, not {' or '.join(modes)}"
    else:
        pixels = item.stored
        size = (pixels.shape[1], pixels.shape[0])
    if item.size is not None and size != item.size:
        problem = f"images that are not {item.size[0]} x {item.size[1]} pixels"
    if not digests:
        return problem, None
    return problem, hashlib.sha1(repr(pixels.shape).encode() + pixels.tobytes()).digest()


def duplicates(splits: Sequence[Split]) -> Iterator[str]:
    """Yield descriptions of images with the same pixels, between splits and within each."""
    for number, split in enumerate(splits):
        again = [names for names in split.digests.values() if len(names) > 1]
        if again:
            shown = [" = ".join(names[:LISTED]) for names in again]
            yield f"{split.name}: images that occur more than once: {some(shown)}"
        for other in splits[number + 1 :]:
            shared = [digest for digest in split.digests if digest in other.digests]
            if shared:
                shown = [f"{split.digests[d][0]} = {other.digests[d][0]}" for d in shared]
                yield f"images of {split.name} that are in {other.name} too: {some(shown)}"


def some(names: Sequence[str]) -> str:
    """Return the number of names, and the first of them."""
    rest = len(names) - LISTED
    return f"{len(names)}: {', '.join(names[:LISTED])}" + (f" and {rest} more" if rest > 0 else "")
