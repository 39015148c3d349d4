"""Small single-stage and transformer detectors, made from mmdet's configs."""

from typing import Any

from mmengine.config import Config
from tiny_detectors import CLASSES, _slim

GROUPS = dict(type="GN", num_groups=4, requires_grad=True)
LOGITS = "bbox_head[0][:]"
BOXES = "bbox_head[1][:]"
FPN = dict(student="neck[:]", teacher="neck[:]", loss=dict(type="mmkd.HintLoss"))


def _read(name: str) -> dict[str, Any]:
    model: dict[str, Any] = Config.fromfile(f"mmdet::{name}.py").model.to_dict()
    return {**model, "_scope_": "mmdet"}


def _resnet(name: str, depth: int, **head: Any) -> dict[str, Any]:
    model = _slim(_read(name), depth, width=8)
    model["backbone"].update(style="pytorch")
    narrow = dict(in_channels=16, feat_channels=16, stacked_convs=1, num_classes=CLASSES)
    model["bbox_head"].update(narrow, **head)
    return model


def _csp(name: str, depth: int, **head: Any) -> dict[str, Any]:
    model, plain = _read(name), dict(norm_cfg=dict(type="BN"))
    shallow = dict(deepen_factor=0.167 if depth < 50 else 0.5, widen_factor=0.125, init_cfg=None)
    model["backbone"].update(shallow, **plain)
    model["neck"].update(in_channels=[32, 64, 128], out_channels=16, num_csp_blocks=1, **plain)
    narrow = dict(in_channels=16, feat_channels=16, num_classes=CLASSES)
    model["bbox_head"].update(narrow, **plain, **head)
    # Outside of a Runner there is no iteration by which a batch could be resized.
    model["data_preprocessor"].update(pad_size_divisor=32, batch_augments=None)
    return model


def retinanet(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _resnet("retinanet/retinanet_r50_fpn_1x_coco", depth, **head)


def fcos(depth: int = 18, **head: Any) -> dict[str, Any]:
    name = "fcos/fcos_r50-caffe_fpn_gn-head_1x_coco"
    return _resnet(name, depth, norm_cfg=GROUPS, **head)


def gfl(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _resnet("gfl/gfl_r50_fpn_1x_coco", depth, norm_cfg=GROUPS, **head)


def atss(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _resnet("atss/atss_r50_fpn_1x_coco", depth, norm_cfg=GROUPS, **head)


def rtmdet(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _csp("rtmdet/rtmdet_s_8xb32-300e_coco", depth, **head)


def yolox(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _csp("yolox/yolox_s_8xb8-300e_coco", depth, **head)


def tood(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _resnet("tood/tood_r50_fpn_1x_coco", depth, norm_cfg=GROUPS, **head)


def paa(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _resnet("paa/paa_r50_fpn_1x_coco", depth, norm_cfg=GROUPS, **head)


def vfnet(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _resnet("vfnet/vfnet_r50_fpn_1x_coco", depth, norm_cfg=GROUPS, **head)


def centernet_update(depth: int = 18, **head: Any) -> dict[str, Any]:
    name = "centernet/centernet-update_r50-caffe_fpn_ms-1x_coco"
    return _resnet(name, depth, norm_cfg=GROUPS, **head)


def centernet(depth: int = 18) -> dict[str, Any]:
    model = _read("centernet/centernet_r18_8xb16-crop512-140e_coco")
    model["backbone"].update(init_cfg=None)
    model["bbox_head"].update(num_classes=CLASSES)
    return model


def free_anchor(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _resnet("free_anchor/freeanchor_r50_fpn_1x_coco", depth, **head)


def rtmdet_ins(depth: int = 18, **head: Any) -> dict[str, Any]:
    return _csp("rtmdet/rtmdet-ins_s_8xb32-300e_coco", depth, **head)


def ssd(depth: int = 18, **head: Any) -> dict[str, Any]:
    """An SSD head on six levels of an FPN, which take images of any size."""
    model, whole = retinanet(depth), _read("ssd/ssd300_coco")
    model["neck"].update(start_level=0, num_outs=6)
    narrow = dict(in_channels=[16] * 6, num_classes=CLASSES, **head)
    parts = {key: whole[key] for key in ("type", "train_cfg", "test_cfg")}
    return {**model, **parts, "bbox_head": {**whole["bbox_head"], **narrow}}


def yolov3(depth: int = 18, **head: Any) -> dict[str, Any]:
    model = _read("yolo/yolov3_mobilenetv2_8xb24-320-300e_coco")
    model["backbone"].update(init_cfg=None, widen_factor=0.25 if depth < 50 else 0.5)
    channels = [80, 24, 8] if depth < 50 else [160, 48, 16]
    model["neck"].update(in_channels=channels, out_channels=[16] * 3)
    model["bbox_head"].update(in_channels=[16] * 3, out_channels=[16] * 3, num_classes=CLASSES)
    model["bbox_head"].update(head)
    return model


def _transformer(name: str, depth: int, queries: int, width: int = 16) -> dict[str, Any]:
    model = _read(name)
    levels = len(model["backbone"]["out_indices"])
    _slim(model, depth, width=8)
    channels = model["neck"]["in_channels"][-levels:]
    norm = GROUPS if model["neck"]["norm_cfg"] else None
    model["neck"].update(in_channels=channels, out_channels=width, norm_cfg=norm)
    for part in (model["encoder"], model["decoder"]):
        layer = part["layer_cfg"]
        part["num_layers"] = 2
        layer["ffn_cfg"].update(embed_dims=width, feedforward_channels=16)
        for attention in {"self_attn_cfg", "cross_attn_cfg"} & layer.keys():
            layer[attention].update(embed_dims=width, num_heads=2)
    model["positional_encoding"].update(num_feats=width // 2)
    model["bbox_head"].update(num_classes=CLASSES, embed_dims=width)
    return {**model, "num_queries": queries}


def detr(depth: int = 18, queries: int = 10) -> dict[str, Any]:
    return _transformer("detr/detr_r50_8xb2-150e_coco", depth, queries)


def deformable_detr(depth: int = 18, queries: int = 10) -> dict[str, Any]:
    return _transformer("deformable_detr/deformable-detr_r50_16xb2-50e_coco", depth, queries)


def conditional_detr(depth: int = 18, queries: int = 10) -> dict[str, Any]:
    name = "conditional_detr/conditional-detr_r50_8xb2-50e_coco"
    return _transformer(name, depth, queries, width=256)  # mmdet's decoder takes no other width


def dab_detr(depth: int = 18, queries: int = 10) -> dict[str, Any]:
    return _transformer("dab_detr/dab-detr_r50_8xb2-50e_coco", depth, queries)


def dino(depth: int = 18, queries: int = 10) -> dict[str, Any]:
    name = "dino/dino-4scale_r50_8xb2-12e_coco"
    model = _transformer(name, depth, queries, width=256)  # the original mmdet takes no other
    groups = dict(dynamic=True, num_groups=None, num_dn_queries=4)
    return {**model, "dn_cfg": {**model["dn_cfg"], "group_cfg": groups}}


def ddq(depth: int = 18, queries: int = 10) -> dict[str, Any]:
    model = _transformer("ddq/ddq-detr-4scale_r50_8xb2-12e_coco", depth, queries)
    groups = dict(dynamic=True, num_groups=None, num_dn_queries=4)
    return {**model, "dn_cfg": {**model["dn_cfg"], "group_cfg": groups}}


DENSE = [retinanet, fcos, gfl, atss, rtmdet, yolox]
# Heads whose labels reach their losses in other ways.
OTHERS = [tood, paa, vfnet, centernet_update, rtmdet_ins, ssd, yolov3]
TRANSFORMERS = [detr, deformable_detr, dino]
