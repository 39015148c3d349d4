"""Exits of the student's stages."""

import numpy as np
import pytest
import tiny
import torch
from feature_cases import built, extras, features
from logit_cases import softmax

from mmkd.losses import OFAStageLoss
from mmkd.losses.features.ofa_stage_loss import stage_exit

STAGES = [f"backbone.layer{stage}" for stage in (1, 2, 3)]


def test_each_samples_loss_is_the_sum_over_the_exits():
    students, [teacher] = features("OFAStageLoss")
    loss = built("OFAStageLoss", gamma=1.5).eval()
    labels = extras("OFAStageLoss")["labels"]
    p, true = softmax(teacher.detach().numpy()), np.eye(3)[labels]
    expected = np.zeros(4)
    for leave, map_ in zip(loss.exits, students, strict=True):
        q = softmax(leave(map_).detach().numpy())
        expected -= (((p + true) ** 1.5 - true) * np.log(q)).sum(1)
    found = loss(students, teacher, labels=labels, reduction_override="none")
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-10)


def test_an_exit_halves_the_map_once_for_each_stage_that_follows():
    leave = stage_exit(4, halvings=2, width=10, classes=5)
    convolutions = [m for m in leave if isinstance(m, torch.nn.Conv2d)]
    assert [m.stride[0] for m in convolutions] == [2, 1, 1, 1] * 2
    assert [m.out_channels for m in convolutions] == [4, 4, 4, 8, 8, 8, 8, 10]
    assert leave[:-3](torch.zeros(2, 4, 8, 8)).shape == (2, 10, 2, 2)
    last = stage_exit(6, halvings=0, width=10, classes=5)
    assert [type(m).__name__ for m in last] == ["Conv2d", "AdaptiveAvgPool2d", "Flatten", "Linear"]


def test_it_learns_in_a_distiller():
    term = dict(student=STAGES, teacher="head.fc", loss=dict(type="mmkd.OFAStageLoss"))
    model = tiny.distiller(terms=dict(ofa=term))
    tiny.losses_of(model)["loss_ofa"].backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
    assert model.student.head.fc.weight.grad is None


def test_wrong_use_is_refused_in_words():
    with pytest.raises(ValueError, match="teacher='@logits'"):
        OFAStageLoss().adapt([(4, 8, 2, 2)], [(4, 8, 2, 2)])
    with pytest.raises(ValueError, match="student='@stages'"):
        OFAStageLoss().adapt([(4, 8)], [(4, 3)])
    students, teachers = features("OFAStageLoss")
    with pytest.raises(ValueError, match="got 2, or there are no labels"):
        built("OFAStageLoss")(students[:2], teachers)
    with pytest.raises(ValueError, match="gamma and temperature must be positive"):
        OFAStageLoss(gamma=0.0)
