"""Methods fit heads of one softmax and heads with a sigmoid per class."""

import mmkd  # noqa: F401

# isort: split
import pytest
from mmengine.config import Config

from mmkd.composition.activation import for_softmax, has_softmax
from mmkd.composition.methods import read_method

HEADS = [
    ("detr/detr_r50_8xb2-150e_coco.py", True),
    ("conditional_detr/conditional-detr_r50_8xb2-50e_coco.py", False),
    ("ssd/ssd300_coco.py", True),
    ("retinanet/retinanet_r18_fpn_1x_coco.py", False),
    ("fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py", False),
    ("gfl/gfl_r50_fpn_1x_coco.py", False),
]


@pytest.mark.slow
@pytest.mark.parametrize(("config", "softmax"), HEADS)
def test_the_config_tells_the_activation(config, softmax):
    model = Config.fromfile(f"mmdet::{config}").model.to_dict()
    assert has_softmax(model, "mmdet") is softmax


def test_losses_and_weights_are_those_of_a_softmax():
    written = read_method("erkd").variant("dense")["model"]["terms"]["kd"]
    term = for_softmax(written)
    assert term["loss"]["type"] == "mmkd.KDLoss"
    assert term["sample_weight"]["activation"] == "softmax"
    assert term["locations"] == written["locations"]
