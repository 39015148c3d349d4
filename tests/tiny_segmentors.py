"""Small segmentation networks of mmseg and batches for tests. Importing mmseg takes seconds."""

from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest

pytest.importorskip("mmseg")

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmkd.distillers import Distiller
from mmkd.registry import MODELS

CLASSES = 4
NORM = dict(type="BN")
PIXELS = dict(type="mmkd.PixelLocations")
FCN = dict(type="FCNHead", num_convs=1, concat_input=False)
PSP = dict(type="PSPHead", pool_scales=(1, 2))
SEGMENTER = dict(type="SegmenterMaskTransformerHead", num_layers=1, num_heads=2, embed_dims=16)


def segmentor(
    width: int = 8, stride: int = 8, classes: int = CLASSES, head: dict[str, Any] = FCN
) -> dict[str, Any]:
    """Config of a ResNet-18 with a decode head and an auxiliary head, of a few thousand weights."""
    later = stride == 32
    backbone = dict(
        type="ResNetV1c",
        depth=18,
        base_channels=width,
        stem_channels=width,
        strides=(1, 2, 2, 2) if later else (1, 2, 1, 1),
        dilations=(1, 1, 1, 1) if later else (1, 1, 2, 4),
        norm_cfg=NORM,
    )
    common = dict(num_classes=classes, loss_decode=dict(type="CrossEntropyLoss"))
    if head is not SEGMENTER:
        common["norm_cfg"] = NORM
    return dict(
        type="EncoderDecoder",
        _scope_="mmseg",
        data_preprocessor=dict(
            type="SegDataPreProcessor", mean=[120.0] * 3, std=[60.0] * 3, size=(64, 64)
        ),
        backbone=backbone,
        decode_head=dict(in_channels=8 * width, in_index=3, channels=16, **head, **common),
        auxiliary_head=dict(
            **FCN,
            in_channels=4 * width,
            in_index=2,
            channels=8,
            num_classes=classes,
            norm_cfg=NORM,
            loss_decode=dict(type="CrossEntropyLoss", loss_weight=0.4),
        ),
    )


def ocrnet(width: int = 8) -> dict[str, Any]:
    """Config of a cascade of two decode heads, the second of which reads what the first gives."""
    model = segmentor(width)
    second = dict(model["decode_head"], type="OCRHead", ocr_channels=8)
    for name in ("num_convs", "concat_input"):
        del second[name]
    return dict(
        model,
        type="CascadeEncoderDecoder",
        num_stages=2,
        decode_head=[model["decode_head"], second],
        auxiliary_head=None,
    )


def batch(size: int = 64, ignored: int = 24) -> dict[str, Any]:
    """Two images, the first rows of whose annotations are ignored."""
    samples = []
    for _ in range(2):
        classes = torch.randint(0, CLASSES, (1, size, size))
        classes[:, :ignored] = 255
        shapes = dict.fromkeys(("img_shape", "ori_shape", "pad_shape"), (size, size))
        samples.append(SegDataSample(metainfo=shapes, gt_sem_seg=PixelData(data=classes)))
    images = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    return dict(inputs=[*images], data_samples=samples)


def distiller(student: Any = None, teacher: Any = None, **settings: Any) -> Distiller:
    """Distiller of two segmentation networks, in training, with dropout off."""
    model: Distiller = MODELS.build(
        dict(
            type="mmkd.Distiller",
            student=student or segmentor(),
            teacher=dict(model=teacher or segmentor(16, head=PSP)),
            **settings,
        )
    )
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout2d):
            part.p = 0.0
    return model.train()


def step(model: Distiller, data: dict[str, Any] | None = None) -> tuple[dict[str, Any], Any]:
    """The losses of a training step and what an observer sees of it."""
    seen: list[Any] = []
    handle = model.observe(seen.append)
    prepared = model.data_preprocessor(batch() if data is None else data, True)
    losses = model(**prepared, mode="loss")
    handle.remove()
    return losses, seen[0]
