"""Small detectors of mmdet and batches of boxes for tests. Importing mmdet takes seconds."""

from typing import Any

import mmkd  # noqa: F401

# isort: split
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from torch import Tensor

from mmkd.distillers import Distiller, Step
from mmkd.networks.taps import flat
from mmkd.registry import MODELS

CLASSES = 4
FC = "roi_head.bbox_head.fc_cls"


def _slim(model: dict[str, Any], depth: int, width: int) -> dict[str, Any]:
    expansion = 4 if depth >= 50 else 1
    backbone = dict(depth=depth, base_channels=width, stem_channels=width, frozen_stages=-1)
    model["backbone"].update(backbone, init_cfg=None, norm_eval=False)
    channels = [width * expansion * 2**stage for stage in range(4)]
    model["neck"].update(in_channels=channels, out_channels=16)
    return {**model, "_scope_": "mmdet"}


def faster_rcnn(depth: int = 18, width: int = 8, **overrides: Any) -> dict[str, Any]:
    """Config of a Faster R-CNN with FPN of a few thousand parameters."""
    model = Config.fromfile("mmdet::_base_/models/faster-rcnn_r50_fpn.py").model.to_dict()
    model["rpn_head"].update(in_channels=16, feat_channels=16)
    model["roi_head"]["bbox_roi_extractor"].update(out_channels=16)
    head = dict(in_channels=16, fc_out_channels=32, num_classes=CLASSES)
    model["roi_head"]["bbox_head"].update(head)
    return {**_slim(model, depth, width), **overrides}


def two_stage(classes: int = CLASSES, **overrides: Any) -> dict[str, Any]:
    """Config of a Faster R-CNN that has so many classes."""
    model = faster_rcnn(50, **overrides)
    model["roi_head"]["bbox_head"]["num_classes"] = classes
    return model


def cascade_rcnn(depth: int = 18, width: int = 8) -> dict[str, Any]:
    """Config of a Cascade R-CNN, three stages, likewise."""
    model = Config.fromfile("mmdet::_base_/models/cascade-rcnn_r50_fpn.py").model.to_dict()
    model["rpn_head"].update(in_channels=16, feat_channels=16)
    model["roi_head"]["bbox_roi_extractor"].update(out_channels=16)
    for head in model["roi_head"]["bbox_head"]:
        head.update(in_channels=16, fc_out_channels=32, num_classes=CLASSES)
    return _slim(model, depth, width)


def with_masks(model: dict[str, Any], name: str) -> dict[str, Any]:
    """Config of a two-stage detector with the mask head of mmdet's model of that name."""
    whole = Config.fromfile(f"mmdet::_base_/models/{name}.py").model.to_dict()
    extractor, heads = (whole["roi_head"][part] for part in ("mask_roi_extractor", "mask_head"))
    extractor.update(out_channels=16)
    for head in heads if isinstance(heads, list) else [heads]:
        head.update(in_channels=16, conv_out_channels=16, num_classes=CLASSES)
    roi_head = model["roi_head"] | dict(mask_roi_extractor=extractor, mask_head=heads)
    whole = {key: whole[key] for key in ("type", "train_cfg", "test_cfg")}
    return {**model, **whole, "roi_head": roi_head}


def retinanet(depth: int = 18, width: int = 8) -> dict[str, Any]:
    """Config of a RetinaNet, likewise."""
    model = Config.fromfile("mmdet::_base_/models/retinanet_r50_fpn.py").model.to_dict()
    model["bbox_head"].update(in_channels=16, feat_channels=16, num_classes=CLASSES)
    return _slim(model, depth, width)


def distiller(**overrides: Any) -> Distiller:
    """Build and initialise a distiller of detectors, ER-KD on the RoI logits by default."""
    er = dict(
        loss=dict(type="mmkd.KDLoss", temperature=1.0),
        sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0),
    )
    config = dict(
        type="mmkd.Distiller",
        student=faster_rcnn(),
        teacher=dict(model=faster_rcnn(50)),
        logits=FC,
        terms=dict(er=er),
        input_shape=(3, 64, 64),
    )
    model = MODELS.build({**config, **overrides})
    model.init_weights()
    return model


def hint_of(model: Distiller, done: Step, term: str = "hint") -> Tensor:
    """Return the loss of a step's hint term, by its formula, from the features that it compares."""
    compared = model.terms[term]
    own = [done.features["student"][tap] for tap in flat(compared.student_taps)]
    theirs = [done.features["teacher"][tap] for tap in flat(compared.teacher_taps["teacher"])]
    if "teacher" in compared.connectors:
        own = compared.connectors["teacher"](own, theirs)
    pairs = zip(own, theirs, strict=True)
    return torch.stack([(s - t).square().mean() for s, t in pairs]).sum()


def batch(boxes: list[int] | None = None, masks: bool = False) -> dict[str, Any]:
    """Two images of different sizes, with that many boxes each; of one size with their masks."""
    shapes, items = [[3, 64, 96], [3, 64, 96] if masks else [3, 80, 64]], boxes or [2, 3]
    return demo_mm_inputs(2, shapes, num_items=items, num_classes=CLASSES, with_mask=masks)


def step(model: Distiller, data: dict[str, Any] | None = None) -> Step:
    """Take one step of training, and check what must hold on any images."""
    steps: list[Step] = []
    handle = model.observe(steps.append)
    losses = model(**model.data_preprocessor(data or batch(), True), mode="loss")
    handle.remove()
    total, named = model.parse_losses(losses)
    assert all(value.isfinite() for name, value in named.items() if "loss" in name)
    model.zero_grad()
    total.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name} has no gradient: DDP would wait for it"
            assert parameter.grad.isfinite().all(), name
    return steps[0]
