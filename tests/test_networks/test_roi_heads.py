"""Less usual RoI heads of mmdet: they are compared RoI by RoI, or refused in words."""

from types import SimpleNamespace
from typing import Any

import pytest
import tiny_detectors as tiny
import torch
from mmengine.config import Config

from mmkd.distillers import Distiller
from mmkd.networks.roi_heads import branch_features
from mmkd.networks.taps import Tap

CLASSES = tiny.CLASSES
LABELS = "roi_head.bbox_head.loss_cls:input[1]"
DKD = dict(loss=dict(type="mmkd.DKDLoss", temperature=1.0), labels=LABELS)
KD = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))
FPN = dict(student="neck[:]", teacher="neck[:]", loss=dict(type="mmkd.HintLoss"))


def read(name: str) -> dict[str, Any]:
    return Config.fromfile(f"mmdet::{name}.py").model.to_dict()


def double_head() -> dict[str, Any]:
    model, whole = tiny.faster_rcnn(), read("double_heads/dh-faster-rcnn_r50_fpn_1x_coco")
    head = whole["roi_head"]["bbox_head"]
    head.update(in_channels=16, conv_out_channels=16, fc_out_channels=32, num_classes=CLASSES)
    model["roi_head"].update(type="DoubleHeadRoIHead", reg_roi_scale_factor=1.3, bbox_head=head)
    return model


def pisa() -> dict[str, Any]:
    model, whole = tiny.faster_rcnn(), read("pisa/faster-rcnn_r50_fpn_pisa_1x_coco")
    model["roi_head"]["type"] = whole["roi_head"]["type"]
    model["train_cfg"] = whole["train_cfg"]
    return model


def ohem() -> dict[str, Any]:
    model = tiny.faster_rcnn()
    model["train_cfg"]["rcnn"]["sampler"]["type"] = "OHEMSampler"
    return model


def sparse(name: str = "sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco") -> dict[str, Any]:
    model = read(name)
    tiny._slim(model, 18, 8)
    model["rpn_head"].update(num_proposals=10, proposal_feature_channel=16)
    roi_head = model["roi_head"]
    roi_head["bbox_roi_extractor"].update(out_channels=16)
    for head in roi_head["bbox_head"]:
        head.update(in_channels=16, num_heads=2, feedforward_channels=16, num_classes=CLASSES)
        head["dynamic_conv_cfg"].update(in_channels=16, feat_channels=8, out_channels=16)
    return {**model, "_scope_": "mmdet"}


def trident() -> dict[str, Any]:
    model = tiny.faster_rcnn()
    model["roi_head"].update(type="TridentRoIHead", num_branch=3, test_branch_idx=1)
    return model


def crowd() -> dict[str, Any]:
    model = tiny.faster_rcnn()
    model["roi_head"].update(type="MultiInstanceRoIHead")
    model["roi_head"]["bbox_head"].update(type="MultiInstanceBBoxHead", num_instance=2)
    return model


def with_semantics() -> dict[str, Any]:
    """Config of a cascade whose RoI head has HTC's semantic branch."""
    model, whole = tiny.cascade_rcnn(), read("htc/htc_r50_fpn_1x_coco")["roi_head"]
    extractor, head = whole["semantic_roi_extractor"], whole["semantic_head"]
    extractor.update(out_channels=16)
    head.update(in_channels=16, conv_out_channels=16)
    parts = dict(semantic_roi_extractor=extractor, semantic_head=head)
    model["roi_head"].update(type="HybridTaskCascadeRoIHead", **parts)
    return model


def step(model: Distiller) -> dict[str, Any]:
    steps = []
    model.observe(steps.append)
    losses = model(**model.data_preprocessor(tiny.batch(), True), mode="loss")
    total, named = model.parse_losses(losses)
    total.backward()
    assert all(value.isfinite() for name, value in named.items() if "loss" in name)
    return dict(losses=named, step=steps[0])


@pytest.mark.parametrize(("student", "terms"), [(ohem, dict(kd=KD, dkd=DKD)), (pisa, dict(kd=KD))])
def test_a_sampler_may_classify_boxes_to_choose_among_them(student, terms) -> None:
    """The term compares the RoIs of the loss, not those that were ranked."""
    done = step(tiny.distiller(student=student(), terms=terms))
    rois = done["step"].features["student"][Tap.parse("roi_head.bbox_roi_extractor:input[1]")]
    assert len(rois) == len(done["step"].student_logits)
    assert all(done["losses"][f"loss_{name}"] > 0 for name in terms)
    assert done["step"].student_logits.requires_grad


def test_a_double_head_teaches_and_learns() -> None:
    """It pools each RoI twice; the teacher takes the RoIs by which the student classifies."""
    model = tiny.distiller(
        student=double_head(), teacher=dict(model=double_head()), terms=dict(kd=KD, fpn=FPN)
    )
    seen = []
    for network in (model.student, model.teachers["teacher"].network):
        head = network.roi_head
        head.bbox_roi_extractor.register_forward_pre_hook(lambda _, taken: seen.append(taken[1]))
    done = step(model)
    assert done["losses"]["loss_kd"] > 0
    assert len(seen) == 4
    assert all(torch.equal(rois, seen[0]) for rois in seen)
    assert len(seen[0]) == len(done["step"].student_logits)


def test_a_head_classifies_by_the_semantic_branch_of_the_same_network() -> None:
    """A teacher gives the logits that mmdet's own head computes from the student's RoIs."""
    model = tiny.distiller(
        student=tiny.cascade_rcnn(),
        teacher=dict(model=with_semantics()),
        logits="roi_head.bbox_head.0.fc_cls",
        terms=dict(kd=KD),
    )
    network = model.teachers["teacher"].network
    taken = []
    network.backbone.register_forward_pre_hook(lambda _, args: taken.append(args[0]))
    done = step(model)
    rois = done["step"].features["student"][model.manner.roi_taps[0]]
    [logits] = done["step"].teacher_logits.values()
    head = network.roi_head
    with torch.no_grad():
        levels = network.extract_feat(taken[0])
        semantic = head.semantic_head(levels)[1]
        with_branch = head._bbox_forward(0, levels, rois, semantic_feat=semantic)
        without = head._bbox_forward(0, levels, rois, semantic_feat=torch.zeros_like(semantic))
    torch.testing.assert_close(logits, with_branch["cls_score"])
    assert not torch.equal(logits, without["cls_score"])


def test_each_branch_gives_its_second_output_by_the_name_that_the_head_takes() -> None:
    head = SimpleNamespace(
        with_semantic=False, with_glbctx=True, glbctx_head=lambda levels: ("scores", levels[0])
    )
    assert branch_features(head, ["first", "second"]) == dict(glbctx_feat="first")


@pytest.mark.parametrize("make", [double_head, sparse, pisa])
def test_features_of_any(make) -> None:
    model = tiny.distiller(student=make(), teacher=dict(model=make()), terms=dict(fpn=FPN))
    assert step(model)["losses"]["loss_fpn"] > 0


@pytest.mark.parametrize(
    ("student", "teacher", "logits", "message"),
    [
        (trident, tiny.faster_rcnn, tiny.FC, r"student, a Trident.* for each of its branches"),
        (sparse, sparse, "roi_head.bbox_head.0.fc_cls", r"takes object_feats, batch_img_metas"),
        (crowd, tiny.faster_rcnn, tiny.FC, r"student, a MultiIn.* 2 objects of each RoI"),
    ],
)
def test_others_are_refused(student, teacher, logits, message) -> None:
    teacher = dict(model=teacher())
    with pytest.raises(ValueError, match=message):
        tiny.distiller(student=student(), teacher=teacher, logits=logits, terms=dict(kd=KD))
