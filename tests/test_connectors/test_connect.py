"""Connectors between the taps of a term."""

from typing import Any

import pytest
import tiny
import torch
from torch import Tensor, nn

from mmkd.connectors import ProjectionConnector, connect
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.registry import MODELS

STAGES = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]


@MODELS.register_module(force=True)
class FirstOnly(nn.Module):
    """A joint connector: of all features of the student it adapts the first."""

    joint = True

    def __init__(self, student_shapes: list[Any], teacher_shapes: list[Any]) -> None:
        super().__init__()
        self.counts = len(student_shapes), len(teacher_shapes)
        self.projection = nn.Conv2d(student_shapes[0][1], teacher_shapes[-1][1], 1)

    def forward(self, students: list[Tensor], teachers: list[Tensor]) -> list[Tensor]:
        return [self.projection(students[0])]


@MODELS.register_module(force=True)
class Adapted(FeatureLoss):
    """A loss with a trainable factor for each channel of the teacher."""

    same_shape = False

    def adapt(self, student_shapes: list[Any], teacher_shapes: list[Any]) -> None:
        self.scale = nn.Parameter(torch.ones(teacher_shapes[0][1]))

    def forward(
        self, student: Any, teacher: Any, weight: Any = None, data_samples: Any = None
    ) -> Tensor:
        self.seen = data_samples
        return self.distance(student, teacher).mean()

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        first = student if isinstance(student, Tensor) else student[0]
        return self.scale.sum() * first.flatten(1).mean(1)


def test_equal_shapes_pass_unchanged() -> None:
    assert connect("t", "teacher", None, [("a", (2, 4))], [("b", (2, 4))]) is None
    student, teacher = [("a", (2, 4)), ("c", (2, 6))], [("b", (2, 4)), ("d", (2, 8))]
    connector = connect("t", "teacher", None, student, teacher)
    features = [torch.randn(2, 4), torch.randn(2, 6)]
    assert connector(features, features)[0] is features[0]


def test_all_maps_are_resized_if_those_of_one_pair_differ_in_size() -> None:
    """Pyramids of other strides: 1 x 1 maps of a small image, which differ for a larger one."""
    student = [("p2", (2, 4, 2, 2)), ("p3", (2, 4, 1, 1))]
    teacher = [("p3", (2, 4, 1, 1)), ("p4", (2, 4, 1, 1))]
    connector = connect("t", "teacher", None, student, teacher)
    maps = [torch.randn(2, 4, 8, 8), torch.randn(2, 4, 4, 4)]
    others = [torch.randn(2, 4, 4, 4), torch.randn(2, 4, 2, 2)]
    assert [each.shape for each in connector(maps, others)] == [each.shape for each in others]


def test_a_configured_connector_is_built_also_for_equal_shapes() -> None:
    config = dict(type="mmkd.ProjectionConnector")
    [connector] = connect("t", "teacher", config, [("a", (2, 4))], [("b", (2, 4))])
    assert isinstance(connector, ProjectionConnector)
    assert isinstance(connector.projection, nn.Identity)


def test_an_error_names_the_pair() -> None:
    with pytest.raises(ValueError, match=r"No connector for t: a -> teacher b: .*not shapes"):
        connect("t", "teacher", None, [("a", (2, 4, 8, 8))], [("b", (2, 6))])


def test_taps_must_be_pairs() -> None:
    shapes = [("neck[0]", (2, 4, 8, 8)), ("neck[1]", (2, 4, 4, 4))]
    with pytest.raises(ValueError, match=r"2 tensors .*neck\[1\].* and 1 of the teacher"):
        connect("t", "teacher", None, shapes, shapes[:1])


def test_a_joint_connector_has_all_features() -> None:
    term = dict(
        student=STAGES[1:],
        teacher=STAGES,
        connector=dict(type="mmkd.FirstOnly"),
        loss=dict(type="mmkd.Adapted"),
    )
    model = tiny.distiller(terms=dict(joint=term))
    connector = model.terms["joint"].connectors["teacher"]
    assert connector.counts == (2, 3)
    tiny.losses_of(model)["loss_joint"].backward()
    assert connector.projection.weight.grad.abs().sum() > 0


def test_a_loss_is_adapted_to_the_shapes_and_sees_data_samples() -> None:
    term = dict(
        student="backbone.layer3", teacher="backbone.layer3", loss=dict(type="mmkd.Adapted")
    )
    model = tiny.distiller(terms=dict(adapted=term))
    assert "terms.adapted.loss.scale" in model.state_dict()
    assert model.terms["adapted"].loss.scale.shape == (12,)
    tiny.losses_of(model)
    assert len(model.terms["adapted"].loss.seen) == 4


def test_an_adapted_loss_has_one_teacher() -> None:
    term = dict(
        student="backbone.layer3", teacher="backbone.layer3", loss=dict(type="mmkd.Adapted")
    )
    teachers = {name: dict(model=tiny.classifier(6)) for name in ("a", "b")}
    with pytest.raises(ValueError, match="write a term for each teacher"):
        tiny.distiller(teachers=teachers, terms=dict(adapted=term))


def test_all_items_of_a_tap_are_terms_of_pairs() -> None:
    term = dict(student="backbone[:]", teacher="backbone[:]", loss=dict(type="mmkd.HintLoss"))
    student = tiny.classifier()
    student["backbone"]["out_indices"] = (1, 2, 3)
    teacher = tiny.classifier(6)
    teacher["backbone"]["out_indices"] = (1, 2, 3)
    model = tiny.distiller(student=student, teacher=dict(model=teacher), terms=dict(hint=term))
    assert [str(tap) for tap in model.terms["hint"].student_taps] == [
        f"backbone[{i}]" for i in range(3)
    ]
    assert len(model.terms["hint"].connectors["teacher"]) == 3
