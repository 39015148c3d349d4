"""Distillers with several small teachers, for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import tiny
import torch

from mmkd.distillers import Distiller

FEATURE = dict(
    student="neck:input",
    teacher="neck:input",
    connector=dict(type="mmkd.ConvBNReLUConnector"),
    loss=dict(type="mmkd.HintLoss"),
)


def varied(model: Distiller) -> Distiller:
    """Give the teachers random classifiers, so that their outputs are not quite undecided."""
    generator = torch.Generator().manual_seed(0)
    for teacher in model.teachers.values():
        weight = teacher.network.head.fc.weight
        weight.data.copy_(torch.randn(weight.shape, generator=generator))
    return model


def several(terms: Mapping[str, Any], widths: Sequence[int] = (6, 6, 6)) -> Distiller:
    """Build a distiller with a teacher of each width, called a, b, ..."""
    teachers = {
        name: dict(model=tiny.classifier(width))
        for name, width in zip("abcdef"[: len(widths)], widths, strict=True)
    }
    torch.manual_seed(0)
    return varied(tiny.distiller(teachers=teachers, terms=terms))
