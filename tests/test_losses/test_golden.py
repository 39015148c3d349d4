"""Losses and weights against numbers from the papers' own code."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import mmkd  # noqa: F401
from mmkd.registry import MODELS

GROUPS = json.loads((Path(__file__).parents[1] / "data" / "losses.json").read_text())["logits"]
LS = [dict(type="mmkd.Standardize")]
DKD = "mmkd.DKDLoss"
EA = "mmkd.EntropyAdaptiveWeight"
CONFIGS = {
    "kd T=1.0": (dict(temperature=1.0), None),
    "kd T=4.0": (dict(temperature=4.0), None),
    "erkd T=4 T_entropy=4": (dict(temperature=4.0), dict(type="mmkd.EntropyWeight")),
    "erkd T=1 T_entropy=4 (detection setting)": (
        dict(temperature=1.0),
        dict(type="mmkd.EntropyWeight", temperature=4.0),
    ),
    "eakd T=4 T_entropy=3 bound=ln C": (dict(), dict(type=EA)),
    "eakd T=1 T_entropy=2 bound=ln C": (dict(temperature=1.0), dict(type=EA, temperature=2.0)),
    "eakd T=4 T_entropy=3 bound=100 (released CIFAR code)": (dict(), dict(type=EA, bound=100.0)),
    "kd+ls T=2": (dict(temperature=2.0, transforms=LS), None),
    "eakd+ls T=2 T_entropy=3 bound=ln C (entropy on raw logits)": (
        dict(temperature=2.0, transforms=LS),
        dict(type=EA, temperature=3.0),
    ),
    "dkd alpha=1 beta=8 T=4": (dict(type=DKD), None),
    "dkd alpha=1 beta=0.25 T=1": (dict(type=DKD, beta=0.25, temperature=1.0), None),
    "eadkd alpha=1 beta=8 T=4 T_entropy=3 bound=ln C": (dict(type=DKD), dict(type=EA, eps=0.0)),
    "erdkd formula alpha=1 beta=3 T=4 T_entropy=4": (
        dict(type=DKD, beta=3.0),
        dict(type="mmkd.EntropyWeight"),
    ),
    "erdkd released code alpha=1 beta=3 T=4 T_entropy=4": (
        dict(type=DKD, beta=3.0),
        dict(type="mmkd.EntropyWeight", batch_mean=True),
    ),
    "mlkd class correlation T=4": (dict(type="mmkd.ClassCorrelationLoss"), None),
    "mlkd batch correlation T=4": (dict(type="mmkd.BatchCorrelationLoss"), None),
    "dist beta=1 gamma=1 T=4 (times T^2)": (dict(type="mmkd.DISTLoss"), None),
}
CASES = [(group, case) for group in GROUPS for case in group["cases"]]


def test_every_reference_case_is_covered():
    assert {case["name"] for _, case in CASES} == set(CONFIGS)


@pytest.mark.parametrize(("group", "case"), CASES, ids=lambda x: str(x.get("name", x.get("seed"))))
def test_value_and_gradient_equal_the_reference(group, case):
    random = np.random.RandomState(group["seed"])
    shape = group["N"], group["C"]
    student = torch.tensor(random.standard_normal(shape) * group["scale"], requires_grad=True)
    teacher = torch.tensor(random.standard_normal(shape) * group["scale"] * 1.5)
    labels = torch.tensor(random.randint(0, group["C"], group["N"]))
    arguments, weight = CONFIGS[case["name"]]
    loss = MODELS.build({"type": "mmkd.KDLoss", **arguments})
    weights = None if weight is None else MODELS.build(weight)(student, teacher)

    value = loss(student, teacher, labels=labels, weight=weights)
    value.backward()

    assert value.dtype == torch.float64
    assert value.item() == pytest.approx(case["value"], rel=1e-9)
    assert student.grad.norm().item() == pytest.approx(case["grad_norm"], rel=1e-9)
    first = student.grad.flatten()[:4].tolist()
    assert first == pytest.approx(case["grad_first"], rel=1e-9)
