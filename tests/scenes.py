"""Scenes of digits in COCO's files, and cells in VOC's, for tests."""

import runpy
from argparse import Namespace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement

from PIL import Image, ImageDraw

TOOL = Path(__file__).parents[1] / "tools/dataset_tools/make_scenes_coco.py"


def write_scenes(folder: Path, **arguments: Any) -> Path:
    """Write a few scenes by the tool, with its arguments, and return the folder."""
    few = dict(images="digits", train=8, val=1, size=128, classes=10, seed=0)
    few |= dict(coco_names=False, pixels=False)
    make = runpy.run_path(str(TOOL))["make"]
    make(Namespace(out=folder, **{**few, **arguments}))
    return folder


def write_cells(root: Path, train: int = 8) -> Path:
    """Write images with a box of each class in the form of BCCD, and return the folder."""
    boxes = dict(RBC=(20, 20, 120, 110), WBC=(130, 60, 300, 200), Platelets=(40, 150, 80, 190))
    splits = dict(train=range(train), val=range(train, train + 1), test=range(train + 1, train + 2))
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for split, numbers in splits.items():
        names = [f"BloodImage_{number:05d}" for number in numbers]
        (root / f"ImageSets/Main/{split}.txt").write_text("\n".join(names))
        for name in names:
            image, page = Image.new("RGB", (320, 240), "white"), Element("annotation")
            size = SubElement(page, "size")
            SubElement(size, "width").text, SubElement(size, "height").text = "320", "240"
            for label, box in boxes.items():
                ImageDraw.Draw(image).ellipse(box, fill="purple" if label == "WBC" else "red")
                thing = SubElement(page, "object")
                SubElement(thing, "name").text = label
                corners = SubElement(thing, "bndbox")
                for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
                    SubElement(corners, side).text = str(value)
            image.save(root / f"JPEGImages/{name}.jpg")
            ElementTree(page).write(root / f"Annotations/{name}.xml")
    return root
