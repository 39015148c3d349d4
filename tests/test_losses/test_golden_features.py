"""Feature losses against numbers from the papers' own code."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import mmkd  # noqa: F401
from mmkd.registry import MODELS

GROUPS = json.loads((Path(__file__).parents[1] / "data" / "losses.json").read_text())["features"]
CONFIGS = {
    "at p=2": dict(type="mmkd.ATLoss", p=2),
    "sp": dict(type="mmkd.SPLoss"),
    "nst": dict(type="mmkd.NSTLoss"),
    "rkd distance=25 angle=50": dict(type="mmkd.RKDLoss", distance_weight=25, angle_weight=50),
    "pkt": dict(type="mmkd.PKTLoss"),
    "hcl (ReviewKD)": dict(type="mmkd.ReviewKDLoss"),
    "mse": dict(type="mmkd.HintLoss"),
    "partial l2 (OFD, margin -0.5)": dict(type="mmkd.OFDLoss", margin=-0.5),
}
CASES = [(group["seed"], case) for group in GROUPS for case in group["cases"]]


def maps(seed: int, shapes: list[list[int]]) -> list[torch.Tensor]:
    random = np.random.RandomState(seed)
    return [torch.tensor(random.standard_normal(shape)) for shape in shapes]


def test_every_reference_case_is_covered():
    assert {case["name"] for _, case in CASES} == set(CONFIGS)


@pytest.mark.parametrize(("seed", "case"), CASES, ids=[case["name"] for _, case in CASES])
def test_value_and_gradients_equal_the_reference(seed, case):
    students = [s.requires_grad_() for s in maps(seed, case["student_shapes"])]
    teachers = maps(seed + 1, case["teacher_shapes"])

    value = MODELS.build(CONFIGS[case["name"]])(students, teachers)
    value.backward()

    assert value.shape == ()
    assert value.dtype == torch.float64
    assert value.item() == pytest.approx(case["value"], rel=1e-9)
    assert [s.grad.norm().item() for s in students] == pytest.approx(case["grad_norms"], rel=1e-9)
