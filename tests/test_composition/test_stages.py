"""Methods on cascades: each stage classifies RoIs of its own."""

import mmkd  # noqa: F401

# isort: split
import pytest
from mmengine.config import Config
from torch import nn

from mmkd.composition.stages import for_stages, network_stage_weights, stage_weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "weights"),
    [
        ("cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py", [1, 0.5, 0.25]),
        ("faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py", []),
        ("retinanet/retinanet_r18_fpn_1x_coco.py", []),
    ],
)
def test_stages_weigh_what_the_config_says(config: str, weights: list[float]) -> None:
    assert stage_weights(Config.fromfile(f"mmdet::{config}").model.to_dict()) == weights


def test_a_built_network_has_the_same_weights() -> None:
    network = nn.Module()
    assert network_stage_weights(network) == []
    network.roi_head = nn.Module()
    network.roi_head.bbox_head = nn.Linear(1, 1)
    assert network_stage_weights(network) == []
    network.roi_head.bbox_head = nn.ModuleList(nn.Linear(1, 1) for _ in range(2))
    assert network_stage_weights(network) == [1.0, 1.0]
    network.roi_head.stage_loss_weights = [1, 0.5, 0.25]
    assert network_stage_weights(network) == [1.0, 0.5]


def test_terms_on_logits_are_multiplied_and_others_are_not() -> None:
    kd, feature = dict(loss="kd", weight=3.0), dict(loss="pkd", student="@levels")
    terms = for_stages(dict(kd=kd, pkd=feature), [1.0, 0.5])
    assert terms == dict(
        kd_stage0=dict(loss="kd", weight=3.0, logits="@logits[0]"),
        kd_stage1=dict(loss="kd", weight=1.5, logits="@logits[1]"),
        pkd=feature,
    )
