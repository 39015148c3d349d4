"""Properties of every loss on feature maps."""

from typing import Any

import pytest
import torch
from map_references import boxed_sample
from torch import Tensor

from mmkd.registry import MODELS

SHAPES = [(2, 4, 6, 8), (2, 4, 3, 4)]
SAMPLES = [boxed_sample([[4.0, 4.0, 60.0, 30.0]]), boxed_sample([])]
LOSSES = (
    "HintLoss",
    "ATLoss",
    "NSTLoss",
    "ReviewKDLoss",
    "CWDLoss",
    "PKDLoss",
    "MGDLoss",
    "FGDLoss",
)


def built(name: str) -> Any:
    loss = MODELS.build(dict(type=f"mmkd.{name}"))
    if hasattr(loss, "adapt"):
        loss.adapt(SHAPES, SHAPES)
    return loss


def value(loss: Any, student: list[Tensor], teacher: list[Tensor]) -> Tensor:
    torch.manual_seed(0)  # MGD draws masks
    given = dict(data_samples=SAMPLES) if type(loss).__name__ == "FGDLoss" else {}
    return loss(student, teacher, **given)


def sides() -> list[list[Tensor]]:
    return [[torch.randn(shape) for shape in SHAPES] for _ in range(2)]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_full(name, dtype):
    loss = built(name)
    halves = [[maps.to(dtype).requires_grad_() for maps in side] for side in sides()]
    with torch.autocast("cpu", dtype=dtype):
        found = value(loss, *halves)
    assert found.dtype == torch.float32
    assert found.item() == value(loss, *([m.float() for m in side] for side in halves)).item()
    found.backward()
    assert all(maps.grad.isfinite().all() and maps.grad.any() for maps in halves[0])
    assert all(maps.grad is None for maps in halves[1])


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "MGDLoss"])
def test_equal_maps_have_no_loss_and_finite_gradients(name):
    maps = [maps.requires_grad_() for maps in sides()[0]]
    loss = value(built(name), maps, [m.detach().clone() for m in maps])
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert all(m.grad.isfinite().all() for m in maps)


@pytest.mark.parametrize("name", LOSSES)
def test_large_and_constant_maps_are_finite(name):
    for scale in (0.0, 1e4):
        student, teacher = sides()
        student = [(maps * scale).requires_grad_() for maps in student]
        loss = value(built(name), student, [maps * scale for maps in teacher])
        loss.backward()
        assert loss.isfinite()
        assert all(maps.grad.isfinite().all() for maps in student)


@pytest.mark.parametrize("name", LOSSES)
def test_sides_of_different_length_are_refused(name):
    student, teacher = sides()
    with pytest.raises(ValueError, match="1 student and 2 teacher features"):
        value(built(name), student[:1], teacher)


@pytest.mark.parametrize(
    "name", ["HintLoss", "ReviewKDLoss", "CWDLoss", "PKDLoss", "MGDLoss", "FGDLoss"]
)
def test_maps_of_different_shapes_are_refused(name):
    student, teacher = sides()
    with pytest.raises(ValueError, match="put a connector between them"):
        value(built(name), student, [maps[:, :, 1:] for maps in teacher])
