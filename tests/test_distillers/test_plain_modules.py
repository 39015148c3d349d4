"""Any module as the student and as the teacher, with tensors as labels."""

from copy import deepcopy

import pytest
import tiny
import torch
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn.functional import cross_entropy

from mmkd.distillers import Distiller
from mmkd.functional import dkd
from mmkd.teachers import Teacher

IMAGES, LABELS = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 3])

PROJECTION = dict(type="mmkd.ProjectionConnector")


def network(width):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, tiny.CLASSES),
    )


def plain(**overrides):
    settings = dict(
        student=network(4),
        teacher=network(8),
        terms=dict(dkd=dict(loss=dict(type="mmkd.DKDLoss"))),
        logits="4",
        task_loss=cross_entropy,
    )
    return Distiller(**{**settings, **overrides})


def test_its_losses_are_the_task_loss_and_the_terms():
    model = plain()
    losses = model(IMAGES, LABELS, mode="loss")
    student, teacher = model.student(IMAGES), model.teachers["teacher"].network(IMAGES)
    assert set(losses) == {"loss_student", "loss_dkd"}
    torch.testing.assert_close(losses["loss_student"], cross_entropy(student, LABELS))
    torch.testing.assert_close(losses["loss_dkd"], dkd(student, teacher, LABELS))
    torch.testing.assert_close(model(IMAGES), student)


def test_it_trains_in_a_plain_loop():
    model = plain(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss"))))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    totals = []
    for _ in range(40):
        losses = model(IMAGES, LABELS, mode="loss")
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < totals[0] / 2


def test_features_are_connected():
    hint = dict(student="1", teacher="1", loss=dict(type="mmkd.HintLoss"))
    model = plain(terms=dict(hint=hint))
    loss = model(IMAGES, LABELS, mode="loss")["loss_hint"]
    student, teacher = model.student[:2](IMAGES), model.teachers["teacher"].network[:2](IMAGES)
    [connected] = model.terms["hint"].connectors["teacher"]([student], [teacher])
    torch.testing.assert_close(loss, (connected - teacher).square().mean())
    assert [name for name, _ in model.named_parameters() if name.startswith("terms.hint")]


def test_without_labels_it_learns_from_its_teacher_alone():
    model = plain(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss"))))
    assert set(model(IMAGES, None, mode="loss")) == {"loss_kd"}


def test_soft_labels_are_no_class_indices():
    model = plain()
    soft = torch.full((4, tiny.CLASSES), 1 / tiny.CLASSES)
    with pytest.raises(ValueError, match="needs labels"):
        model(IMAGES, soft, mode="loss")


def test_mmengines_training_step_takes_tuples():
    model = plain()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    log = model.train_step((IMAGES, LABELS), wrapper)
    values = {name: value.item() for name, value in log.items()}
    assert values["loss"] == pytest.approx(values["loss_student"] + values["loss_dkd"])


def test_a_network_of_openmmlab_keeps_its_own_losses():
    with pytest.raises(ValueError, match="computes its own losses"):
        tiny.distiller(task_loss=cross_entropy)


def test_a_copy_does_not_move_or_cast_the_teachers_of_the_original():
    model = plain()
    deepcopy(model).half().to("meta")
    weight = model.teachers["teacher"].network[0].weight
    assert (weight.dtype, weight.device.type) == (torch.float32, "cpu")
    model.double()
    assert model.teachers["teacher"].network[0].weight.dtype == torch.float64


def test_a_teacher_follows_its_input_to_another_device():
    teacher = Teacher(network(4))
    assert teacher.prepare(IMAGES.to("meta")).device.type == "meta"
    assert teacher.network[0].weight.device.type == "meta"


def test_a_student_on_another_device_is_built_there_with_its_teacher():
    mse = dict(student="1", teacher="1", loss=nn.MSELoss(), connector=PROJECTION)
    model = plain(student=network(4).to("meta"), terms=dict(mse=mse))
    assert {p.device.type for p in model.parameters()} == {"meta"}
    assert model.teachers["teacher"].network[0].weight.device.type == "meta"
