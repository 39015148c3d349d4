"""Trial of mmdet's detectors: distillation of their class logits by the documented recipe."""

from argparse import ArgumentParser
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from torch import nn

from mmkd.benchmark.random_batch import random_batch
from mmkd.networks.building import build_network
from mmkd.networks.heads import activation_of
from mmkd.registry import MODELS

# Configs of mmdet by kind of head: one for each class of head, and further families.
DENSE = """
atss/atss_r50_fpn_1x_coco autoassign/autoassign_r50-caffe_fpn_1x_coco
boxinst/boxinst_r50_fpn_ms-90k_coco centernet/centernet_r18_8xb16-crop512-140e_coco
centernet/centernet-update_r50-caffe_fpn_ms-1x_coco
centripetalnet/centripetalnet_hourglass104_16xb6-crop511-210e-mstest_coco
condinst/condinst_r50_fpn_ms-poly-90k_coco_instance
cornernet/cornernet_hourglass104_8xb6-210e-mstest_coco ddod/ddod_r50_fpn_1x_coco
dyhead/atss_r50_fpn_dyhead_1x_coco efficientnet/retinanet_effb3_fpn_8xb4-crop896-1x_coco
fcos/fcos_r50-caffe_fpn_gn-head_1x_coco foveabox/fovea_r50_fpn_4xb4-1x_coco
free_anchor/freeanchor_r50_fpn_1x_coco fsaf/fsaf_r50_fpn_1x_coco gfl/gfl_r50_fpn_1x_coco
ghm/retinanet_r50_fpn_ghm-1x_coco glip/glip_atss_swin-t_a_fpn_dyhead_pretrain_obj365
guided_anchoring/ga-retinanet_r50_fpn_1x_coco lad/lad_r50-paa-r101_fpn_2xb8_coco_1x
ld/ld_r18-gflv1-r101_fpn_1x_coco libra_rcnn/libra-retinanet_r50_fpn_1x_coco
nas_fcos/nas-fcos_r50-caffe_fpn_fcoshead-gn-head_4xb4-1x_coco
nas_fcos/nas-fcos_r50-caffe_fpn_nashead-gn-head_4xb4-1x_coco
nas_fpn/retinanet_r50_nasfpn_crop640-50e_coco paa/paa_r50_fpn_1x_coco
pisa/retinanet-r50_fpn_pisa_1x_coco pisa/ssd300_pisa_coco
pvt/retinanet_pvt-t_fpn_1x_coco reppoints/reppoints-moment_r50_fpn_1x_coco
retinanet/retinanet_r18_fpn_1x_coco rtmdet/rtmdet-ins_tiny_8xb32-300e_coco
rtmdet/rtmdet_tiny_8xb32-300e_coco sabl/sabl-retinanet_r50_fpn_1x_coco
solo/decoupled-solo_r50_fpn_1x_coco solo/solo_r50_fpn_1x_coco solov2/solov2_r50_fpn_1x_coco
ssd/ssd300_coco ssd/ssd512_coco ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco
tood/tood_r50_fpn_1x_coco tood/tood_r50_fpn_anchor-based_1x_coco vfnet/vfnet_r50_fpn_1x_coco
yolact/yolact_r50_1xb8-55e_coco yolo/yolov3_mobilenetv2_8xb24-320-300e_coco
yolof/yolof_r50-c5_8xb8-1x_coco yolox/yolox_tiny_8xb8-300e_coco
"""
ROI = """
albu_example/mask-rcnn_r50_fpn_albu-1x_coco carafe/faster-rcnn_r50_fpn-carafe_1x_coco
cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco
cascade_rpn/cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco
crowddet/crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman dcn/faster-rcnn_r50_fpn_dpool_1x_coco
dcnv2/faster-rcnn_r50_fpn_mdpool_1x_coco detectors/cascade-rcnn_r50-rfp_1x_coco
double_heads/dh-faster-rcnn_r50_fpn_1x_coco dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco
empirical_attention/faster-rcnn_r50-attn0010_fpn_1x_coco fast_rcnn/fast-rcnn_r50_fpn_1x_coco
faster_rcnn/faster-rcnn_r50-caffe_c4-1x_coco faster_rcnn/faster-rcnn_r50_fpn_1x_coco
gcnet/mask-rcnn_r50-syncbn_fpn_1x_coco gn+ws/faster-rcnn_r50_fpn_gn-ws-all_1x_coco
gn/mask-rcnn_r50_fpn_gn-all_2x_coco grid_rcnn/grid-rcnn_r50_fpn_gn-head_1x_coco
groie/faste-rcnn_r50_fpn_groie_1x_coco guided_anchoring/ga-faster-rcnn_r50_fpn_1x_coco
hrnet/faster-rcnn_hrnetv2p-w18-1x_coco htc/htc-without-semantic_r50_fpn_1x_coco
htc/htc_r50_fpn_1x_coco libra_rcnn/libra-faster-rcnn_r50_fpn_1x_coco
lvis/mask-rcnn_r50_fpn_sample1e-3_ms-1x_lvis-v1 mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco
mask_rcnn/mask-rcnn_r50_fpn_1x_coco ms_rcnn/ms-rcnn_r50_fpn_1x_coco
openimages/faster-rcnn_r50_fpn_32xb2-1x_openimages pafpn/faster-rcnn_r50_pafpn_1x_coco
panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco pisa/faster-rcnn_r50_fpn_pisa_1x_coco
point_rend/point-rend_r50-caffe_fpn_ms-1x_coco queryinst/queryinst_r50_fpn_1x_coco
res2net/faster-rcnn_res2net-101_fpn_2x_coco
resnest/faster-rcnn_s50_fpn_syncbn-backbone+head_ms-range-1x_coco
sabl/sabl-cascade-rcnn_r50_fpn_1x_coco sabl/sabl-faster-rcnn_r50_fpn_1x_coco
scnet/scnet_r50_fpn_1x_coco
seesaw_loss/mask-rcnn_r50_fpn_seesaw-loss_random-ms-2x_lvis-v1
sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco swin/mask-rcnn_swin-t-p4-w7_fpn_1x_coco
tridentnet/tridentnet_r50-caffe_1x_coco
v3det/faster_rcnn_r50_fpn_8x4_sample1e-3_mstrain_v3det_2x
"""
QUERIES = """
conditional_detr/conditional-detr_r50_8xb2-50e_coco dab_detr/dab-detr_r50_8xb2-50e_coco
ddq/ddq-detr-4scale_r50_8xb2-12e_coco deformable_detr/deformable-detr_r50_16xb2-50e_coco
detr/detr_r50_8xb2-150e_coco dino/dino-4scale_r50_8xb2-12e_coco
grounding_dino/grounding_dino_r50_scratch_8xb2_1x_coco
"""
CONFIGS = {"dense": DENSE.split(), "RoI": ROI.split(), "queries": QUERIES.split()}
SHAPE = (3, 128, 160)


@dataclass(frozen=True)
class Outcome:
    """Result of a detector as student and teacher.

    Attributes:
        config: Name of the detector's config in mmdet.
        result: ``'pass'``, ``'refused'`` or ``'crash'``; ``'not built'`` if mmdet itself cannot
            build the detector here, for instance for lack of a package.
        words: The reason, if it did not pass.
    """

    config: str
    result: str
    words: str = ""


def try_detector(kind: str, name: str) -> Outcome:
    """Distil a detector of mmdet into itself for one step on random weights and images.

    Args:
        kind: Key of ``CONFIGS``.
        name: Name of the config in mmdet's folder of configs, without its ending.
    """
    for progress in ("epoch", "iter"):  # some losses ask for the progress that a Runner sets
        MessageHub.get_current_instance().update_info(progress, 0)
    try:
        model = network_of(name)
        config = distiller_of(kind, model)
    except Exception as error:
        return Outcome(name, "not built", f"{type(error).__name__}: {error}")
    try:
        return _train(name, MODELS.build(config), config["input_shape"])
    except ValueError as error:
        return Outcome(name, "refused", str(error))
    except Exception as error:
        return Outcome(name, "crash", f"{type(error).__name__}: {error}")


def network_of(name: str) -> dict[str, Any]:
    """Return the model of an mmdet config, without weights to download."""
    model: dict[str, Any] = Config.fromfile(f"mmdet::{name}.py").model.to_dict()
    model["backbone"].pop("init_cfg", None)
    model["data_preprocessor"].pop("batch_augments", None)
    model.pop("teacher_ckpt", None)  # the checkpoints of LD and LAD
    if "teacher_config" in model:
        model["teacher_config"] = Config.fromfile(
            f"mmdet::{model['teacher_config'].removeprefix('configs/')}"
        )
    return {**model, "_scope_": "mmdet"}


def distiller_of(kind: str, model: dict[str, Any]) -> dict[str, Any]:
    """Return a distiller by the documentation's recipe for a kind of head."""
    path, logits = "bbox_head", "bbox_head[0][:]"
    if kind == "queries":
        logits = "bbox_head[0]"
    elif kind == "RoI":
        stages = isinstance(model["roi_head"]["bbox_head"], list)
        path = f"roi_head.bbox_head{'.0' if stages else ''}"
        logits = f"{path}.fc_cls"
    elif model["type"] == "YOLOV3":
        logits = "bbox_head[:]"
    network: Any = build_network(model)
    known = isinstance(getattr(network, path.partition(".")[0], None), nn.Module)
    softmax = known and activation_of(network, path) == "softmax"
    term: dict[str, Any] = dict(
        loss=dict(type="mmkd.KDLoss" if softmax else "mmkd.BinaryKDLoss"),
        sample_weight=dict(
            type="mmkd.EntropyWeight", activation="softmax" if softmax else "sigmoid"
        ),
    )
    if kind != "RoI":
        places = "MatchedQueries" if kind == "queries" else "DenseLocations"
        term["locations"] = dict(type=f"mmkd.{places}")
    return dict(
        type="mmkd.Distiller",
        student=network,
        teacher=dict(model=deepcopy(network)),
        logits=logits,
        terms=dict(kd=term),
        input_shape=_shape(model),
    )


def _shape(model: dict[str, Any]) -> tuple[int, int, int]:
    """Return the shape of a small image that a network accepts; SSD's levels fit only one size."""
    size = model["backbone"].get("input_size")
    if model["type"] == "SingleStageDetector":
        size = size or 320
    elif model["type"] == "DDOD":  # its deformable convolutions take no level of 1 x 2
        size = 384
    return SHAPE if size is None else (3, size, size)


def _train(name: str, distiller: Any, shape: tuple[int, int, int]) -> Outcome:
    steps: list[Any] = []
    distiller.train()
    distiller.observe(steps.append)
    data = distiller.data_preprocessor(random_batch(distiller.student, 2, shape), True)
    loss = distiller(**data, mode="loss")["loss_kd"]
    if steps[0].terms["kd"].empty or not torch.isfinite(loss):
        return Outcome(name, "crash", f"The loss is {loss.item()}, of no location or not finite.")
    loss.backward()
    return Outcome(name, "pass")


def main() -> None:
    """Print the result of each detector, and the number of those that pass."""
    MMLogger.get_instance("mmengine", log_level="ERROR")
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=CONFIGS, default=[*CONFIGS])
    parser.add_argument("--configs", nargs="+", help="only those whose names contain one of these")
    arguments = parser.parse_args()
    for kind in arguments.kinds:
        chosen = arguments.configs or [""]
        names = [name for name in CONFIGS[kind] if any(part in name for part in chosen)]
        results = []
        for name in names:
            outcome = try_detector(kind, name)
            print(f"{outcome.result:9} {name} {outcome.words}", flush=True)
            results.append(outcome.result)
        print(f"{kind}: {results.count('pass')} of {len(results)}", flush=True)


if __name__ == "__main__":
    main()
