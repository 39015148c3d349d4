"""Kinds of networks, by their configs."""

import pytest

from mmkd.composition import kind_of
from mmkd.engine.launch import ArgumentError
from mmkd.networks.building import network_config


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ("mmpretrain::vision_transformer/vit-base-p16_64xb64_in1k.py", "classifier"),
        ("mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py", "roi"),
        ("mmdet::cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py", "roi"),
        ("mmdet::gfl/gfl_r50_fpn_1x_coco.py", "distributions"),
        ("mmdet::yolox/yolox_s_8xb8-300e_coco.py", "dense"),
        ("mmdet::detr/detr_r50_8xb2-150e_coco.py", "queries"),
        ("mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py", "queries"),
        ("mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py", "masks"),
    ],
)
def test_the_kinds_of_stock_networks(config: str, kind: str) -> None:
    assert kind_of(network_config(config)) == kind


def test_segmentation_networks_have_kinds_of_their_own() -> None:
    pytest.importorskip("mmseg")
    name = "mmseg::ocrnet/ocrnet_hr18s_4xb2-40k_cityscapes-512x1024.py"  # a cascade of heads
    assert kind_of(network_config(name)) == "segmentor"
    name = "mmseg::mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024.py"
    assert kind_of(network_config(name)) == "masks"


def test_other_networks_are_refused_with_the_kinds_that_there_are() -> None:
    with pytest.raises(ArgumentError, match=r"is a MAE,.*They have for classifiers"):
        kind_of(network_config("mmpretrain::mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py"))
