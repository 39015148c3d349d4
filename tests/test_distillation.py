"""Distillation in Python: any modules, no config, no Runner."""

import pytest
import tiny
import torch
from mmpretrain.structures import DataSample
from torch import nn
from torch.nn.functional import cross_entropy

import mmkd
from mmkd.distillation import Distillation
from mmkd.functional import dkd, entropy_weight, kd

IMAGES, LABELS = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 3])
DKD = dict(dkd=dict(loss=dict(type="mmkd.DKDLoss", beta=2.0)))


def network(width):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, tiny.CLASSES),
    )


def test_a_method_by_name_gives_the_losses_of_the_formula():
    model = mmkd.distill(network(4), network(8), method="erkd", example=IMAGES)
    losses = model(IMAGES, LABELS)
    student, teacher = model.student(IMAGES), model.teachers["teacher"].network(IMAGES)
    weight = entropy_weight(student, teacher, temperature=4.0)
    expected = kd(student, teacher, temperature=4.0, weight=weight)
    torch.testing.assert_close(losses["loss_kd"], expected * model.terms["kd"].weight)
    total = losses["loss_student"] + losses["loss_kd"]
    torch.testing.assert_close(losses["loss"], total)
    assert set(losses) == {"loss", "loss_student", "loss_kd"}


def test_it_trains_in_a_plain_loop():
    model = mmkd.distill(network(4), network(8), method="kd", example=IMAGES)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    totals = []
    for _ in range(40):
        losses = model(IMAGES, LABELS)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        totals.append(losses["loss"].item())
    assert totals[-1] < 0.75 * totals[0]


def test_terms_of_ones_own_stand_in_place_of_a_method_or_beside_it():
    student, teacher = network(4), network(8)
    model = mmkd.distill(student, teacher, example=IMAGES, terms=DKD)
    expected = dkd(student(IMAGES), teacher(IMAGES), LABELS, beta=2.0)
    torch.testing.assert_close(model(IMAGES, LABELS)["loss_dkd"], expected)
    both = mmkd.distill(student, teacher, method="kd", example=IMAGES, terms=DKD)
    assert {"loss_kd", "loss_dkd"} <= set(both(IMAGES, LABELS))


def test_features_are_found_by_their_roles():
    hint = dict(student="@map", teacher="@map", loss=dict(type="mmkd.HintLoss"))
    model = mmkd.distill(network(4), network(8), example=IMAGES, terms=dict(hint=hint))
    assert str(model.terms["hint"].student_taps) == "3"
    assert model(IMAGES, LABELS)["loss_hint"] > 0


def test_several_teachers_by_name_are_averaged():
    first, second = network(6), network(8)
    kd_term = dict(kd=dict(loss=dict(type="mmkd.KDLoss")))
    model = mmkd.distill(network(4), dict(a=first, b=second), example=IMAGES, terms=kd_term)
    each = [kd(model.student(IMAGES), teacher(IMAGES)) for teacher in (first, second)]
    torch.testing.assert_close(model(IMAGES, LABELS)["loss_kd"], sum(each) / 2)


def test_options_are_a_methods_short_names():
    model = mmkd.distill(
        network(4), network(8), method="kd", example=IMAGES, options=dict(temperature=2.0)
    )
    assert model.terms["kd"].loss.temperature == 2.0


def test_a_network_of_openmmlab_computes_its_own_losses():
    student = tiny.MODELS.build(tiny.classifier())
    model = mmkd.distill(student, network(8), method="kd", example=IMAGES)
    samples = [DataSample().set_gt_label(int(label)) for label in LABELS]
    losses = model(IMAGES, samples)
    expected = cross_entropy(student(IMAGES), LABELS)
    torch.testing.assert_close(losses["loss_student"] / model.student_loss_weight, expected)


def test_its_weights_are_those_of_the_student_alone():
    student = network(4)
    model = mmkd.distill(student, network(8), method="kd", example=IMAGES)
    assert isinstance(model, Distillation)
    assert model.student is student
    assert {id(p) for p in model.parameters()} == {id(p) for p in student.parameters()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(), "Say what to distil"),
        (dict(method="erkdd"), "no method 'erkdd'. Did you mean 'erkd'"),
        (dict(method="kd", student_loss_wight=0.1), "Did you mean 'student_loss_weight'"),
        (dict(method="kd", options=dict(temprature=1.0)), "Did you mean 'temperature'"),
        (dict(method="mean_teacher"), "more than terms"),
    ],
)
def test_mistakes_are_told_in_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        mmkd.distill(network(4), network(8), example=IMAGES, **arguments)


def test_a_teacher_of_no_kind_is_refused():
    with pytest.raises(ValueError, match="A teacher is a module"):
        mmkd.distill(network(4), 3, method="kd", example=IMAGES)


@pytest.mark.parametrize(
    ("example", "seen"), [((3, 16, 16), "tuple"), (torch.zeros(2, 5), r"\(2, 5\)")]
)
def test_an_example_that_is_no_batch_is_refused(example, seen):
    with pytest.raises(ValueError, match=f"example is {seen}: give a batch"):
        mmkd.distill(network(4), network(8), method="kd", example=example)


def test_the_package_names_only_what_it_has():
    with pytest.raises(AttributeError, match="no attribute 'distil'"):
        _ = mmkd.distil
