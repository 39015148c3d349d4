"""Single-stage and transformer teachers run no further than their taps require."""

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from mmengine.registry import MODELS

from mmkd.distillers import Distiller
from mmkd.networks.manner import manner_of
from mmkd.networks.taps import Tap

SOFTMAX = dict(type="mmkd.KDLoss")
BINARY = dict(type="mmkd.BinaryKDLoss")
PLACES = dict(type="mmkd.DenseLocations")
QUERIES = dict(type="mmkd.MatchedQueries")
# What a head does besides the forward: its assigner, losses, decoding and NMS.
MORE = ("loss", "loss_by_feat", "get_targets", "predict", "predict_by_feat", "_bbox_post_process")


def count(model: Distiller, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the teacher's parts and methods that have run, filled as they run."""
    network, seen = model.teachers["teacher"].network, []
    for path in ("backbone", "neck", "encoder", "decoder", "bbox_head"):
        if hasattr(network, path):
            part = network.get_submodule(path)
            part.register_forward_hook(lambda *_, path=path: seen.append(path))
    for owner, methods in ((network, ("loss", "predict")), (network.bbox_head, MORE)):
        for name in methods:
            monkeypatch.setattr(
                owner, name, lambda *_, name=name, **__: seen.append(name), raising=False
            )
    if hasattr(network.bbox_head, "assigner"):
        assigner = network.bbox_head.assigner
        monkeypatch.setattr(assigner, "assign", lambda *_, **__: seen.append("assign"))
    return seen


def build(make, **overrides) -> Distiller:
    student, teacher = make(), dict(model=make(50))
    return tiny.distiller(student=student, teacher=teacher, **overrides).train()


def step(model: Distiller) -> None:
    model(**model.data_preprocessor(tiny.batch(), True), mode="loss")


@pytest.mark.parametrize("make", dense.DENSE)
def test_logits_take_the_head_once_and_nothing_besides(make, monkeypatch):
    kd = dict(loss=BINARY, locations=PLACES)
    model = build(make, logits=dense.LOGITS, terms=dict(kd=kd))
    seen = count(model, monkeypatch)
    step(model)
    assert seen == ["backbone", "neck", "bbox_head"]


@pytest.mark.parametrize("make", [*dense.DENSE, *dense.TRANSFORMERS])
def test_features_alone_stop_before_the_head(make):
    model = build(make, logits=dense.LOGITS, terms=dict(fpn=dense.FPN))
    network, seen = model.teachers["teacher"].network, []
    for path in ("neck", "encoder", "bbox_head"):
        if hasattr(network, path):
            part = network.get_submodule(path)
            part.register_forward_pre_hook(lambda *_, path=path: seen.append(path))
    step(model)
    assert seen == ["neck"]


@pytest.mark.parametrize("make", dense.TRANSFORMERS)
@pytest.mark.parametrize(
    ("path", "parts"), [("backbone", 0), ("neck", 0), ("encoder", 1), ("bbox_head", 2)]
)
def test_a_transformer_runs_as_far_as_it_is_tapped(make, path, parts, monkeypatch):
    """Also where no forward is stopped at its taps: the manner itself goes no further."""
    network = MODELS.build(make()).eval()
    seen = []
    for owner, name in ((network, "forward_transformer"), (network.bbox_head, "forward")):
        run = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *a, run=run, name=name, **k: (seen.append(name), run(*a, **k))[1]
        )
    manner_of(network).forward(network, torch.rand(2, 3, 64, 64), [Tap.parse(path)])
    assert seen == ["forward_transformer", "forward"][:parts]


@pytest.mark.parametrize("make", dense.TRANSFORMERS)
def test_logits_of_queries_take_the_decoder_and_nothing_besides(make, monkeypatch):
    loss = SOFTMAX if make is dense.detr else BINARY
    model = build(make, logits="bbox_head[0]", terms=dict(kd=dict(loss=loss, locations=QUERIES)))
    seen = count(model, monkeypatch)
    step(model)
    assert seen == ["backbone", "neck", "encoder", "decoder", "bbox_head"]


def test_an_encoder_alone_stops_before_the_decoder(monkeypatch):
    hint = dict(student="encoder", teacher="encoder", loss=dict(type="mmkd.HintLoss"))
    model = build(dense.deformable_detr, logits="bbox_head[0]", terms=dict(hint=hint))
    seen = count(model, monkeypatch)
    step(model)
    assert seen == ["backbone", "neck", "encoder"]


def test_a_folded_teacher_of_shared_convolutions_is_refused():
    """RTMDet's levels share convolutions and not their BatchNorm: no convolution can hold it."""
    kd = dict(loss=BINARY, locations=PLACES)
    network = MODELS.build(dense.rtmdet(50))
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.running_var, 0.5, 2.0)
            torch.nn.init.normal_(part.running_mean)
    for part in network.bbox_head.rtm_cls:
        torch.nn.init.normal_(part.weight)
    teacher = dict(model=network, fold_bn=True)
    with pytest.raises(ValueError, match="Set fold_bn=False"):
        tiny.distiller(
            student=dense.rtmdet(), teacher=teacher, logits=dense.LOGITS, terms=dict(kd=kd)
        )


def test_parts_of_the_student_are_found_where_hooks_look_for_them():
    """mmdet's YOLOXModeSwitchHook switches ``runner.model.bbox_head``."""
    model = build(dense.yolox, logits=dense.LOGITS, terms=dict(fpn=dense.FPN))
    assert model.bbox_head is model.student.bbox_head
    assert {name.split(".")[0] for name in model.state_dict()} == {"student"}
    model.bbox_head.use_l1 = True
    losses = model(**model.data_preprocessor(tiny.batch(), True), mode="loss")
    assert torch.as_tensor(losses["loss_l1"]).isfinite()
