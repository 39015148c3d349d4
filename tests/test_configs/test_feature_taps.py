"""RepDistiller's feature methods tap the layers that its code lists, in every pair, by roles.

A wrong stage would train as well, and a wrong side of an activation too. What is here are facts of
RepDistiller's networks: channels and heights of what they list between stem and pooled vector.
"""

from functools import cache
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from config_files import PAIRS, base, composed
from torch import Tensor, nn

from mmkd.networks.building import network_config
from mmkd.networks.roles import Roles
from mmkd.networks.taps import flat, parse_taps, run_tapped
from mmkd.registry import MODELS

STAGES = {
    "resnet": [(64, 32), (128, 16), (256, 8)],
    "vgg": [(128, 16), (256, 8), (512, 4), (512, 4)],
    "wrn_40_1": [(16, 32), (32, 16), (64, 8)],
    "wrn": [(32, 32), (64, 16), (128, 8)],
    "ShuffleV2": [(116, 16), (232, 8), (464, 4)],
    "MobileNetV2": [(12, 16), (16, 8), (48, 4), (160, 2)],
    "ResNet50": [(256, 32), (512, 16), (1024, 8), (2048, 4)],
}
STEMS = {"resnet": (32, 32), "vgg": (64, 32), "wrn": (16, 32)}
POOLED = {"ShuffleV2": 1024, "MobileNetV2": 1280}
# Of RepDistiller's list, from the stem to the pooled vector.
TAPPED = {
    **dict.fromkeys(["at", "vid", "nst", "kdsvd", "ab", "ofd"], slice(1, -1)),
    **dict.fromkeys(["cc", "rkd", "pkt", "crd"], slice(-1, None)),
    **dict.fromkeys(["sp", "ft"], slice(-2, -1)),
    "fitnet": slice(2, 3),
    "fsp": slice(0, -1),
}
BEFORE_ACTIVATION = ("ab", "ofd")
# Their stages end without a ReLU, wherever they are tapped.
NOT_ACTIVATED = ("wrn", "MobileNetV2")
# FSP is of pairs alone whose stages are as large as each other, and OFD of those with norms.
ONLY = {"fsp": base("methods", "fsp").published, "ofd": base("methods", "ofd").published}
NAMES = [
    (method, pair)
    for method in TAPPED
    for pair in PAIRS
    if pair.endswith("_cifar100") and "_x3_" not in pair and "ResNet18" not in pair
    if pair in ONLY.get(method, [pair])
]


def of(network: str, table: dict[str, Any]) -> Any:
    """The entry whose key is what the network's name begins with."""
    return next((entry for key, entry in table.items() if network.startswith(key)), None)


def features(network: str) -> list[Any]:
    """RepDistiller's list of a network's features: channels and height, of the last its length."""
    stages = of(network, STAGES)
    return [of(network, STEMS), *stages, (of(network, POOLED) or stages[-1][0],)]


@cache
def build(spec: str) -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = MODELS.build(network_config(spec))
    return network.eval()


@cache
def roles(spec: str) -> Roles:
    return Roles.find("student", build(spec), torch.zeros(2, 3, 32, 32))


@torch.no_grad()
def tapped(spec: str, text: Any) -> list[Tensor]:
    network = build(spec)
    taps = [
        one
        for tap in flat(parse_taps(text))
        for one in flat(roles(spec).resolve(tap) if tap.role else tap)
    ]
    _, caught = run_tapped(network, taps, lambda: network(torch.randn(2, 3, 32, 32), mode="tensor"))
    return [caught[tap] for tap in taps]


@pytest.mark.parametrize(("method", "pair"), NAMES)
def test_it_taps_what_the_published_code_does(method: str, pair: str) -> None:
    model = composed(pair, method).model
    [term] = model.terms.values()
    for spec, taps in ((model.student, term.student), (model.teacher.model, term.teacher)):
        network = Path(spec).stem
        maps = tapped(spec, taps)
        assert [tuple(x.shape[1:3]) for x in maps] == features(network)[TAPPED[method]]
        for x in maps:
            signed = method in BEFORE_ACTIVATION or network.startswith(NOT_ACTIVATED)
            assert (x.min() < 0) == (signed and x.dim() == 4)
