"""Class activation maps."""

import copy

import numpy as np
import pytest
import tiny
import torch
from feature_cases import built, features
from map_references import pooled

TERM = dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.CATKDLoss"))


@pytest.mark.parametrize("normalize", [True, False])
def test_each_samples_loss_is_the_references(normalize):
    [student], [teacher] = features("CATKDLoss")
    loss = built("CATKDLoss", normalize=normalize, resolution=2)
    maps = []
    for side, layer in (("student", student), ("teacher", teacher)):
        weight = loss.classifiers[side].weight.detach().numpy()
        attention = np.einsum("nchw,kc->nkhw", layer.detach().numpy(), weight)
        attention = pooled(attention, 2)
        if normalize:
            attention = attention / np.sqrt((attention**2).sum((2, 3), keepdims=True))
        maps.append(attention)
    expected = ((maps[0] - maps[1]) ** 2).mean((1, 2, 3))
    each = loss(student, teacher, reduction_override="none")
    np.testing.assert_allclose(each.detach().numpy(), expected, rtol=1e-10)


def test_the_mean_of_a_class_activation_map_is_the_logit_without_bias():
    model = tiny.distiller(terms=dict(cat=TERM))
    loss = model.terms["cat"].loss
    maps = torch.randn(2, 8, 4, 4)
    loss.normalize = False
    found = loss.class_maps(maps, loss.classifiers["student"].weight).mean(2)
    layer = model.student.head.fc
    torch.testing.assert_close(found, layer(maps.mean((2, 3))) - layer.bias)


def test_the_students_classifier_learns_and_the_teachers_does_not():
    model = tiny.distiller(terms=dict(cat=TERM), student_loss_weight=0.0)
    tiny.losses_of(model)["loss_cat"].backward()
    assert model.student.head.fc.weight.grad.abs().sum() > 0
    assert model.teachers["teacher"].network.head.fc.weight.grad is None


def test_a_copy_reads_the_classifier_of_the_copied_student():
    model = tiny.distiller(terms=dict(cat=TERM))
    other = copy.deepcopy(model)
    classifiers = other.terms["cat"].loss.classifiers
    assert classifiers["student"].layer is other.student.head.fc
    assert classifiers["teacher"].layer is model.teachers["teacher"].network.head.fc
    assert not [key for key in model.state_dict() if key.startswith("terms.cat.loss")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(student="neck", teacher="neck"), r"one map \(N, C, H, W\)"),
        (dict(student="backbone.layer1"), "with 4 channels, and its classifier 'head.fc' reads 8"),
        (dict(loss=dict(type="mmkd.CATKDLoss", classifier="neck")), "linear layer is needed"),
        (dict(loss=dict(type="mmkd.CATKDLoss", resolution=0)), "resolution must be 1 or more"),
    ],
)
def test_bad_use_is_refused_when_it_is_built(change, message):
    with pytest.raises(ValueError, match=message):
        tiny.distiller(terms=dict(cat={**TERM, **change}))


def test_other_classes_are_refused():
    with pytest.raises(ValueError, match="the student has 5 classes and the teacher has 7"):
        tiny.distiller(terms=dict(cat=TERM), teacher=dict(model=tiny.classifier(6, classes=7)))
