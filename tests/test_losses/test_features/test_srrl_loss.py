"""Teacher's classifier on the student's feature."""

import pytest
import tiny
import torch
from feature_cases import built, features
from torch import nn

from mmkd import distill

TERM = dict(
    student="backbone",
    teacher="backbone",
    connector=dict(type="mmkd.ConvBNReLUConnector"),
    loss=dict(type="mmkd.SRRLLoss"),
)


def test_each_samples_loss_is_the_references():
    [student], [teacher] = features("SRRLLoss")
    loss = built("SRRLLoss", regression_weight=3.0)
    layer = loss.classifier.layer
    own, theirs = student.mean((2, 3)), teacher.mean((2, 3))
    logits = own @ layer.weight.T + layer.bias, theirs @ layer.weight.T + layer.bias
    expected = (own - theirs).square().mean(1) + 3 * (logits[0] - logits[1]).square().mean(1)
    each = loss(student, teacher, reduction_override="none")
    torch.testing.assert_close(each, expected)
    torch.testing.assert_close(
        loss(own, theirs, reduction_override="none"), expected, msg="pooled vectors are the same"
    )


def test_the_teachers_logits_are_what_its_head_gives():
    """A student with the teacher's feature therefore has no loss."""
    model = tiny.distiller(terms=dict(srrl=TERM))
    inputs = torch.randn(2, 3, 16, 16)
    network, classifier = model.teachers["teacher"].network, model.terms["srrl"].loss.classifier
    feature = network.neck(network.backbone(inputs))[0]
    torch.testing.assert_close(classifier(feature), network(inputs))


def test_the_gradient_passes_the_frozen_classifier():
    model = tiny.distiller(terms=dict(srrl=TERM), student_loss_weight=0.0)
    model.terms["srrl"].loss.regression_weight = 1e6  # drowns the features' own difference
    tiny.losses_of(model)["loss_srrl"].backward()
    network = model.teachers["teacher"].network
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in network.parameters())
    assert model.student.head.fc.weight.grad is None


def test_other_features_than_the_classifiers_are_refused():
    with pytest.raises(ValueError, match=r"'head\.fc' reads 12 features, and SRRLLoss taps \[6\]"):
        tiny.distiller(terms=dict(srrl={**TERM, "teacher": "backbone.layer1"}))
    loss = dict(type="mmkd.SRRLLoss", classifier="backbone")
    with pytest.raises(ValueError, match="linear layer is needed"):
        tiny.distiller(terms=dict(srrl={**TERM, "loss": loss}))


def test_the_classifier_is_by_default_the_layer_that_gives_the_logits():
    """Any network has such a layer; those of plain modules have other paths."""
    model = distill(
        plain(4),
        plain(6),
        terms=dict(srrl={**TERM, "student": "@map", "teacher": "@map"}),
        example=torch.randn(2, 3, 16, 16),
    )
    teacher = model.teachers["teacher"].network
    assert model.terms["srrl"].loss.classifier.layer is teacher[3]


def plain(channels: int) -> nn.Sequential:
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(nn.Conv2d(3, channels, 3), nn.ReLU(), pool, nn.Linear(channels, 5))
