"""Feature distillation of detectors, on the levels of their necks, and of boxes."""

import re
from ast import literal_eval
from typing import Any

import pytest
import tiny_detectors as tiny
import torch
from config_files import ROOT
from mmengine.config import Config

from mmkd.distillers import Distiller
from mmkd.functional import dkd
from mmkd.networks.taps import Tap

LEVELS = dict(student="neck[:]", teacher="neck[:]")
TERMS = {
    "review": LEVELS
    | dict(loss=dict(type="mmkd.ReviewKDLoss"), connector=dict(type="mmkd.ReviewConnector")),
    **{
        name.lower(): LEVELS | dict(loss=dict(type=f"mmkd.{name}Loss"))
        for name in ("CWD", "PKD", "MGD", "FGD", "Hint")
    },
}
REG, LABELS = "roi_head.bbox_head.fc_reg", "roi_head.bbox_head.loss_cls:input[1]"
BOXES = dict(student=REG, teacher=REG, labels=LABELS, loss=dict(type="mmkd.BoxDeltaLoss"))


def fcos(depth: int = 18, width: int = 8) -> dict[str, Any]:
    """Config of a small FCOS."""
    model = Config.fromfile("mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py").model.to_dict()
    model["backbone"].update(norm_cfg=dict(type="BN"), style="pytorch")
    model["bbox_head"].update(in_channels=16, feat_channels=16, num_classes=tiny.CLASSES)
    model["bbox_head"]["norm_cfg"] = dict(type="GN", num_groups=4)
    return tiny._slim(model, depth, width)


def step(model: Distiller, boxes: list[int] | None = None) -> dict[str, float]:
    """Train on a batch, and return what is logged of the losses; that of hints is looked at."""
    model.train()
    done = tiny.step(model, tiny.batch(boxes))
    _, logged = model.parse_losses(done.losses)
    if "hint" in model.terms:
        torch.testing.assert_close(logged["loss_hint"], tiny.hint_of(model, done))
    return {name: float(value.detach()) for name, value in logged.items()}


@pytest.mark.parametrize("boxes", [[2, 3], [0, 0]])
@pytest.mark.parametrize("detector", [tiny.faster_rcnn, tiny.retinanet, fcos])
def test_any_detector_learns_from_the_levels_of_another(detector, boxes):
    model = tiny.distiller(student=detector(), teacher=dict(model=detector(34)), terms=TERMS)
    logged = step(model, boxes)
    for name in TERMS:
        assert 0 < logged[f"loss_{name}"] < float("inf"), name


def test_the_teacher_goes_no_further_than_its_neck():
    model = tiny.distiller(terms=TERMS)
    ran = []
    network = model.teachers["teacher"].network
    for name in ("rpn_head", "roi_head.bbox_roi_extractor", "roi_head.bbox_head"):
        network.get_submodule(name).register_forward_hook(lambda *_, name=name: ran.append(name))
    step(model)
    assert not ran


def test_a_teacher_of_another_kind_with_other_strides_and_channels():
    teacher = tiny.retinanet(34)
    teacher["neck"]["out_channels"] = 24
    teacher["bbox_head"]["in_channels"] = 24
    logged = step(tiny.distiller(teacher=dict(model=teacher), terms=TERMS))
    assert all(logged[f"loss_{name}"] > 0 for name in TERMS)


def test_other_counts_of_levels_are_refused_in_words_and_levels_can_be_chosen():
    teacher = tiny.retinanet(34)
    teacher["neck"]["num_outs"] = 4
    teacher["bbox_head"]["anchor_generator"]["strides"] = [8, 16, 32, 64]
    spec = dict(teacher=dict(model=teacher))
    for name in ("review", "fgd"):
        with pytest.raises(
            ValueError, match=r"5 .*neck\[4\].* 4 |has 5 features and the teacher 4"
        ):
            tiny.distiller(terms={name: TERMS[name]}, **spec)
    chosen = dict(student=[f"neck[{i}]" for i in (1, 2, 3, 4)], teacher="neck[:]")
    terms = {name: term | chosen for name, term in TERMS.items()}
    logged = step(tiny.distiller(terms=terms, **spec))
    assert all(0 < logged[f"loss_{name}"] < float("inf") for name in terms)


def test_the_words_on_other_counts_of_levels_name_a_setting_that_works():
    """Levels of one size are pairs: the student's P4 to P7, and the teacher's only four."""
    teacher = tiny.retinanet(34)
    teacher["neck"].update(num_outs=4, start_level=2)
    teacher["bbox_head"]["anchor_generator"]["strides"] = [16, 32, 64, 128]
    spec = dict(student=tiny.retinanet(), teacher=dict(model=teacher))
    term = dict(student="@levels", teacher="@levels", loss=dict(type="mmkd.HintLoss"))
    with pytest.raises(ValueError, match="belong together, such as") as error:
        tiny.distiller(terms=dict(hint=term), **spec)
    words = str(error.value).rpartition("such as ")[2].removesuffix(".")
    parts = (part.partition("=") for part in words.split(" and "))
    settings = {side: literal_eval(taps) for side, _, taps in parts}
    assert settings == dict(
        student=[f"neck[{i}]" for i in (1, 2, 3, 4)], teacher=[f"neck[{i}]" for i in range(4)]
    )
    logged = step(tiny.distiller(terms=dict(hint=term | settings), **spec))
    assert 0 < logged["loss_hint"] < float("inf")


def test_features_and_logits_together():
    model = tiny.distiller(
        terms=dict(
            TERMS,
            dkd=dict(
                loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=0.25, temperature=1.0), labels=LABELS
            ),
        )
    )
    done = tiny.step(model.train())
    labels = done.features["student"][Tap.parse(LABELS)]
    given = done.student_logits, done.teacher_logits["teacher"], labels
    expected = dkd(*given, alpha=1.0, beta=0.25, temperature=1.0)
    torch.testing.assert_close(done.losses["loss_dkd"], expected)
    torch.testing.assert_close(done.losses["loss_hint"], tiny.hint_of(model, done))


@pytest.mark.parametrize("boxes", [[2, 3], [0, 0]])
def test_boxes_are_learned_where_there_is_foreground(boxes):
    agnostic = tiny.faster_rcnn(34)
    agnostic["roi_head"]["bbox_head"]["reg_class_agnostic"] = True
    for teacher in (tiny.faster_rcnn(34), agnostic):
        model = tiny.distiller(teacher=dict(model=teacher), terms=dict(box=BOXES))
        for network in (model.student, model.teachers["teacher"].network):
            torch.nn.init.normal_(network.get_submodule(REG).weight)
        assert (step(model, boxes)["loss_box"] > 0) == bool(sum(boxes))


def test_boxes_are_learned_only_where_the_teacher_is_sure():
    sure = dict(type="mmkd.ConfidenceWeight", of="teacher", activation="softmax")

    def loss(threshold: float) -> float:
        weight = dict(sure, threshold=threshold)
        torch.manual_seed(0)
        model = tiny.distiller(terms=dict(box=BOXES | dict(sample_weight=weight)))
        return step(model)["loss_box"]

    assert loss(1.0) == 0 < loss(1e-3)


def test_the_box_term_that_the_readme_shows_trains(tmp_path):
    page = (ROOT / "reviewkd" / "README.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "own.py").write_text(example)
    terms = Config.fromfile(tmp_path / "own.py").model.terms
    assert {*terms} == {"reviewkd", "box"}
    logged = step(tiny.distiller(terms=terms))
    assert logged["loss_reviewkd"] > 0 <= logged["loss_box"] < float("inf")
