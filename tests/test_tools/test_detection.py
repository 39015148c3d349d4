"""Tools with a plain mmdet config."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tool_runs import Tool

pytest.importorskip("mmdet")

CONFIG = """
_base_ = "mmdet::retinanet/retinanet_r18_fpn_1x_coco.py"
custom_imports = dict(imports=["mmkd"])
metainfo = dict(classes=("square",))
model = dict(
    backbone=dict(init_cfg=None, base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    bbox_head=dict(num_classes=1, in_channels=16, feat_channels=16, stacked_convs=1),
)
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(64, 64), keep_ratio=True),
    dict(type="PackDetInputs"),
]
dataset = dict(
    _delete_=True, type="CocoDataset", data_root="data", ann_file="labels.json", metainfo=metainfo,
    data_prefix=dict(img="images/"), pipeline=pipeline,
)
loader = dict(batch_size=2, num_workers=0, dataset=dataset)
train_dataloader = val_dataloader = test_dataloader = loader
val_evaluator = test_evaluator = dict(ann_file="data/labels.json")
train_cfg = dict(max_epochs=1)
"""


def write_squares(folder: Path) -> None:
    """Write four images of 64 and 48 pixels with a bright square each, labelled as COCO does."""
    (folder / "images").mkdir(parents=True)
    images, boxes = [], []
    for index in range(4):
        height, width = (64, 48) if index % 2 else (48, 64)
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[8:32, 8:32] = 255
        Image.fromarray(pixels).save(folder / f"images/{index}.png")
        images.append(dict(id=index, file_name=f"{index}.png", height=height, width=width))
        square = dict(id=index, image_id=index, category_id=1, bbox=[8, 8, 24, 24])
        boxes.append(dict(**square, area=576, iscrowd=0))
    categories = [dict(id=1, name="square")]
    labels = dict(images=images, annotations=boxes, categories=categories)
    (folder / "labels.json").write_text(json.dumps(labels))


@pytest.mark.slow
def test_a_detector_trains_and_is_tested(tool: Tool, tmp_path: Path) -> None:
    """Images of different sizes must not be stacked; drawing and dumping are mmdet's own."""
    write_squares(tmp_path / "data")
    (tmp_path / "detector.py").write_text(CONFIG)
    tool("train.py", "detector.py", "--auto-scale-lr")
    checkpoint = "work_dirs/detector/epoch_1.pth"
    out = ["--out", "found.pkl", "--show-dir", "drawn"]
    tool("test.py", "detector.py", checkpoint, *out)
    with open(tmp_path / "found.pkl", "rb") as file:
        assert len(pickle.load(file)) == 4
    assert len(list((tmp_path / "work_dirs").rglob("drawn/*.png"))) == 4
    tool("test.py", "detector.py", checkpoint, "--tta")
