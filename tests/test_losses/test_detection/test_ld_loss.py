"""Localization distillation equals mmdet's, whose detector for it is run beside ours."""

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from mmdet.models.losses import KnowledgeDistillationKLDivLoss
from mmengine.registry import MODELS

from mmkd.losses import LDLoss
from mmkd.weights import ConfidenceWeight

TERM = dict(
    student=dense.BOXES,
    teacher=dense.BOXES,
    loss=dict(type="mmkd.LDLoss", reduction="sum"),
    sample_weight=dict(type="mmkd.ConfidenceWeight", of="student"),
    locations=dict(type="mmkd.DenseLocations"),
)


LD = dict(type="KnowledgeDistillationKLDivLoss", loss_weight=0.25, T=10)


@pytest.mark.parametrize("boxes", [[2, 3], [0, 1], [0, 0]])
def test_a_step_gives_the_loss_of_mmdets_ld_head(boxes):
    student = dense.gfl()
    known = MODELS.build(
        {
            **student,
            "type": "mmdet.KnowledgeDistillationSingleStageDetector",
            "bbox_head": {**student["bbox_head"], "type": "LDHead", "loss_ld": LD},
            "teacher_config": dict(model=dense.gfl(50)),
        }
    )
    model = tiny.distiller(
        student=student, teacher=dict(model=dense.gfl(50)), logits=dense.LOGITS,
        terms=dict(ld=TERM),
    ).train()  # fmt: skip
    for network in (model.student, model.teachers["teacher"].network):
        torch.nn.init.normal_(network.bbox_head.gfl_reg.weight)  # distributions that differ
    known.load_state_dict(model.student.state_dict())
    known.teacher_model.load_state_dict(model.teachers["teacher"].network.state_dict())
    known.train()
    data = model.data_preprocessor(tiny.batch(boxes), True)
    losses = model(**data, mode="loss")
    expected = known(**data, mode="loss")
    theirs = sum(expected.pop("loss_ld"))
    assert (theirs > 0) == (sum(boxes) > 0)
    torch.testing.assert_close(losses.pop("loss_ld"), theirs, rtol=1e-5, atol=0)
    torch.testing.assert_close(losses["loss_cls"], expected["loss_cls"])


def test_values_of_mmdets_loss_on_the_same_tensors():
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 4 * 17), torch.randn(5, 4 * 17)
    weight = torch.rand(5)
    theirs = KnowledgeDistillationKLDivLoss(loss_weight=0.25, T=10)(
        student.reshape(-1, 17),
        teacher.reshape(-1, 17),
        weight=weight[:, None].expand(-1, 4).reshape(-1),
        avg_factor=4.0,
    )
    ours = LDLoss(reduction="sum")(student, teacher, weight=weight)
    torch.testing.assert_close(ours, theirs)
    whole = LDLoss(reduction="sum", bin_mean=False)(student, teacher, weight=weight)
    torch.testing.assert_close(whole, 17 * ours)


def test_confidence_is_the_greatest_class_probability_of_a_network():
    student, teacher = torch.tensor([[0.0, -3.0]]), torch.tensor([[2.0, 5.0]])
    assert ConfidenceWeight()(student, teacher) == 0.5
    assert ConfidenceWeight("teacher")(student, teacher) == torch.tensor(5.0).sigmoid()
    found = ConfidenceWeight("teacher", "softmax")(student, teacher)
    torch.testing.assert_close(found, torch.tensor([3.0]).sigmoid())
    for wrong in (dict(of="none"), dict(activation="relu")):
        with pytest.raises(ValueError, match="must be one of"):
            ConfidenceWeight(**wrong)


def test_a_temperature_is_a_number():
    with pytest.raises(ValueError, match="takes a number"):
        LDLoss(temperature=dict(type="mmkd.FLSWTemperature"))
