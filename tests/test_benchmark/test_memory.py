"""Bytes that models hold and that steps need."""

import torch
from runs import distiller
from torch import nn

from mmkd.benchmark.memory import held_bytes, step_bytes
from mmkd.networks.complexity import parameter_count
from mmkd.registry import MODELS


def test_a_step_needs_what_is_there_at_once() -> None:
    given = torch.ones(1000, 1000)  # 4 MB, which was there before

    def step() -> None:
        first = given + 1
        second = first * 2
        del first
        (second + 1).sum()

    assert 8_000_000 <= step_bytes(step) < 8_010_000


def test_what_is_shared_is_held_once_and_frozen_parts_are_not_trained() -> None:
    layer = nn.Linear(3, 2)
    model = nn.Sequential(layer, layer, nn.BatchNorm1d(2))
    assert held_bytes(model) == 4 * (6 + 2 + 4 * 2) + 8
    model[2].requires_grad_(False)
    assert parameter_count(model, trained=True) == 8


def test_the_teachers_are_held_too() -> None:
    model = MODELS.build(distiller(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss")))))
    student, teacher = held_bytes(model.student), held_bytes(model.teachers["teacher"].network)
    assert held_bytes(model) == student + teacher
    assert parameter_count(model, trained=True) == parameter_count(model.student, trained=True)
