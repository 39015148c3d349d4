"""Roles resolve to the tensors that the published settings of the literature tap, in every pair."""

import json
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import pytest
import torch

from mmkd.networks.building import network_config
from mmkd.networks.roles import Roles
from mmkd.networks.taps import Tap, Taps, expanded, flat, parse_taps, run_tapped
from mmkd.registry import MODELS

# By network: roles, and the taps by which the code of the literature's methods names them, from
# the settings of RepDistiller, mdistiller, ReviewKD and others for each pair.
PUBLISHED: dict[str, list[list[str]]] = json.loads(
    (Path(__file__).parents[1] / "data/published_taps.json").read_text()
)


@pytest.mark.parametrize("spec", PUBLISHED, ids=lambda spec: Path(spec).stem)
def test_roles_are_the_published_taps(spec: str) -> None:
    torch.manual_seed(0)
    network = MODELS.build(network_config(spec)).eval()
    images = torch.randn(2, 3, 64, 64)
    roles = Roles.find("student", network, images)
    pairs: list[tuple[Taps, Taps]] = []
    for said, taps in PUBLISHED[spec]:
        by_role = parse_taps(said.split())
        resolved = {tap: roles.resolve(tap) for tap in flat(by_role)}
        pairs.append((parse_taps(taps.split()), expanded(by_role, resolved)))
    every: dict[Tap, None] = dict.fromkeys(t for pair in pairs for taps in pair for t in flat(taps))
    with torch.no_grad():
        _, caught = run_tapped(network, every, lambda: network(images, mode="tensor"))
    for meant, found in pairs:
        assert [caught[tap].shape for tap in flat(found)] == [caught[t].shape for t in flat(meant)]
        for one, other in zip(flat(found), flat(meant), strict=True):
            assert caught[one] is caught[other], (str(one), str(other))
    assert roles.resolve(Tap.parse("@logits")) == Tap("head.fc")
