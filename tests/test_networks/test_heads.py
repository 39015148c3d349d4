"""Declarations of heads about their class outputs."""

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

import mmkd  # noqa: F401
from mmkd.networks.heads import ClassScores, activation_of, gives_probabilities

SIGMOID = dict(type="CrossEntropyLoss", use_sigmoid=True)


def network(type: str, **options) -> nn.Module:
    import mmpretrain.models  # noqa: F401

    model = nn.Module()
    model.head = MODELS.build(dict(type=f"mmpretrain.{type}", _scope_="mmpretrain", **options))
    return model


@pytest.mark.parametrize(
    ("head", "path", "activation"),
    [
        (dict(type="MultiLabelLinearClsHead"), "head.fc", "sigmoid"),
        (dict(type="CSRAClsHead", num_heads=1, lam=0.1), "head.csra_heads", "sigmoid"),
        (dict(type="LinearClsHead"), "head.fc", None),
        # Trained by sigmoids on single labels (RSB), it predicts by a softmax.
        (dict(type="LinearClsHead", loss=SIGMOID), "head.fc", None),
    ],
)
def test_mmpretrains_heads_of_several_labels_decide_by_sigmoids(head, path, activation):
    model = network(num_classes=3, in_channels=4, **head)
    assert activation_of(model, path) == activation


class Loss(nn.Module):
    activated = True


class Dense(nn.Module):
    num_classes, cls_out_channels, num_attrib = 3, 3, 8

    def __init__(self, activated: bool) -> None:
        super().__init__()
        self.loss_cls = Loss() if activated else nn.Identity()
        self.conv = nn.Conv2d(1, 1, 1)


@pytest.mark.parametrize("activated", [False, True])
def test_class_logits_in_what_a_dense_head_gives(activated):
    model = nn.ModuleDict(dict(bbox_head=Dense(activated)))
    assert gives_probabilities(model, "bbox_head.conv") == activated
    scores = ClassScores.of(model, "bbox_head.conv")
    rows = torch.rand(5, 8)
    expected = rows[:, 5:].logit() if activated else rows[:, 5:]
    torch.testing.assert_close(scores.of_rows(rows), expected)
    torch.testing.assert_close(scores.of_rows(rows[:, 5:]), expected)


def test_certain_probabilities_have_finite_logits():
    scores = ClassScores.of(nn.ModuleDict(dict(bbox_head=Dense(True))), "bbox_head")
    rows = torch.tensor([[0.0, 1.0, 0.5]], dtype=torch.bfloat16, requires_grad=True)
    logits = scores.of_rows(rows)
    assert logits.isfinite().all()
    logits.sum().backward()
    assert rows.grad.isfinite().all()


def test_a_module_that_is_no_head_says_nothing():
    model = nn.ModuleDict(dict(neck=nn.Conv2d(1, 1, 1)))
    assert ClassScores.of(model, "neck") is None
    assert not gives_probabilities(model, "neck")
