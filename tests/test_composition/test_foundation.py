"""A foundation backbone teaches the backbone of a detector or of a segmentation network."""

from typing import Any

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from mmengine.config import ConfigDict

from mmkd.composition.composing import settings_for
from mmkd.registry import MODELS

VIT = dict(
    type="mmpretrain.VisionTransformer",
    arch=dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=24),
    img_size=96,
    patch_size=16,
    out_type="raw",
)


@pytest.mark.parametrize(
    "make",
    [dense.retinanet, pytest.param(dense.dino, marks=pytest.mark.slow), tiny.faster_rcnn],
)
def test_a_vits_patches_fit_the_last_map_of_a_detectors_backbone(make: Any) -> None:
    student = MODELS.build(ConfigDict(make()))
    terms = settings_for(student, ["foundation"])["model"]["terms"]
    vit = MODELS.build(VIT)
    model = tiny.distiller(
        student=student,
        teacher=dict(model=vit),
        terms=terms,
        logits="@logits",
        input_shape=(3, 96, 96),
    ).train()
    data = tiny.demo_mm_inputs(2, [[3, 96, 96]] * 2, num_items=[2, 3], num_classes=tiny.CLASSES)
    step = tiny.step(model, data)
    assert step.losses["loss_foundation"] > 0
    inputs = model.data_preprocessor(data, True)["inputs"]
    with torch.no_grad():
        tokens = vit(inputs)[-1]
    [found] = step.features["teacher"].values()
    torch.testing.assert_close(found, tokens[:, -36:])
