"""Small networks whose queries give masks, of mmdet and of mmseg, for tests."""

from typing import Any

from mmengine.config import Config
from tiny_detectors import CLASSES

WIDTH = 16


def _small(head: dict[str, Any], channels: list[int], queries: int) -> None:
    """Make a head of MaskFormer or Mask2Former narrow, with two layers."""
    head.update(in_channels=channels, feat_channels=WIDTH, out_channels=WIDTH, num_queries=queries)
    pixels = head["pixel_decoder"]
    pixels["norm_cfg"]["num_groups"] = 4
    for part in (pixels.get("encoder"), head["transformer_decoder"]):
        if part is None:  # a MaskFormer of mmseg has a pixel decoder of convolutions
            continue
        part["num_layers"] = 2
        for name, settings in part["layer_cfg"].items():
            settings["embed_dims"] = WIDTH
            if name == "ffn_cfg":
                settings["feedforward_channels"] = WIDTH
            else:
                settings["num_heads"] = 2
    for part in (head, pixels):
        if "positional_encoding" in part:
            part["positional_encoding"]["num_feats"] = WIDTH // 2


def _backbone(model: dict[str, Any], depth: int) -> list[int]:
    norm = dict(norm_cfg=dict(type="BN"), norm_eval=False, init_cfg=None, frozen_stages=-1)
    model["backbone"].update(depth=depth, base_channels=8, stem_channels=8, **norm)
    return [8 * (4 if depth >= 50 else 1) * 2**stage for stage in range(4)]


def detector(name: str, depth: int = 18, queries: int = 6) -> dict[str, Any]:
    """Config of a network of mmdet for instances of the tests' classes."""
    model = Config.fromfile(f"mmdet::{name}.py").model.to_dict()
    head = model["panoptic_head"]
    _small(head, _backbone(model, depth), queries)
    classes = dict(num_things_classes=CLASSES, num_stuff_classes=0)
    head.update(classes)
    head["loss_cls"]["class_weight"] = [1.0] * CLASSES + [0.1]
    model["panoptic_fusion_head"].update(classes)
    model["test_cfg"].update(panoptic_on=False, max_per_image=queries)
    model["data_preprocessor"].update(batch_augments=None)
    if "num_points" in model["train_cfg"]:
        model["train_cfg"]["num_points"] = 64
    return {**model, "_scope_": "mmdet"}


def mask2former(depth: int = 18, queries: int = 6) -> dict[str, Any]:
    return detector("mask2former/mask2former_r50_8xb2-lsj-50e_coco", depth, queries)


def maskformer(depth: int = 18, queries: int = 6) -> dict[str, Any]:
    return detector("maskformer/maskformer_r50_ms-16xb1-75e_coco", depth, queries)


def segmentor(name: str, depth: int = 18, queries: int = 6, classes: int = 4) -> dict[str, Any]:
    """Config of a network of mmseg for pixels of 64 x 64 images."""
    model = Config.fromfile(f"mmseg::{name}.py").model.to_dict()
    head = model["decode_head"]
    _small(head, _backbone(model, depth), queries)
    head["num_classes"] = classes
    head["loss_cls"]["class_weight"] = [1.0] * classes + [0.1]
    if "num_points" in head["train_cfg"]:
        head["train_cfg"]["num_points"] = 64
    model["data_preprocessor"].update(size=(64, 64))
    return {**model, "_scope_": "mmseg"}


def seg_mask2former(depth: int = 18, queries: int = 6) -> dict[str, Any]:
    return segmentor("mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024", depth, queries)


def seg_maskformer(depth: int = 18, queries: int = 6) -> dict[str, Any]:
    return segmentor("maskformer/maskformer_r50-d32_8xb2-160k_ade20k-512x512", depth, queries)
