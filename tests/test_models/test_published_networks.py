"""CIFAR networks equal the published ones, key for key and number for number."""

import hashlib
from functools import partial
from typing import Any

import pytest
import torch
from published import CONFIGS, REFERENCE, build, images, published, stage_taps

from mmkd.models import classifier_keys, published_keys
from mmkd.networks.taps import Tap, run_tapped

Network = tuple[str, Any, dict[str, Any]]


@pytest.fixture(scope="module", params=list(REFERENCE))
def network(request: pytest.FixtureRequest) -> Network:
    """Name, model with the reference's weights, reference."""
    name = request.param
    with torch.device("meta"):
        model = build(name)
    model = model.to_empty(device="cpu")
    model.load_state_dict(classifier_keys(published(model)), strict=True)
    return name, model.eval(), REFERENCE[name]


def test_every_config_has_a_reference() -> None:
    assert {path.stem for path in CONFIGS.glob("*.py")} == set(REFERENCE)


def test_keys_and_shapes_are_the_published_ones(network: Network) -> None:
    _, model, expected = network
    entries = published_keys(model.state_dict())
    lines = "\n".join(f"{key} {'x'.join(map(str, t.shape))}" for key, t in entries.items())
    assert len(entries) == expected["entries"]
    assert hashlib.sha256(lines.encode()).hexdigest() == expected["keys_sha256"]
    assert sum(p.numel() for p in model.parameters()) == expected["params"]


@torch.no_grad()
def test_numbers_are_the_published_ones(network: Network) -> None:
    """Logits, and features before and after the last ReLU of each stage, by the documented taps."""
    name, model, expected = network
    features, before = stage_taps(name)
    taps = {Tap.parse(tap) for tap in (*features, *before, "neck")}
    forward = partial(model, images(expected), mode="tensor")
    logits, caught = run_tapped(model, taps, forward)
    assert logits.shape == (expected["batch"], expected["num_classes"])
    for row, wanted in zip(logits[:, :10].tolist(), expected["logits"], strict=True):
        assert row == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    for kind, addresses in dict(feature=features, preact=before).items():
        if expected[f"{kind}_shapes"] is None:
            assert name == "MobileNetV2", "its stages end without an activation"
            continue
        got = [caught[Tap.parse(address)] for address in addresses]
        assert [list(t.shape) for t in got] == expected[f"{kind}_shapes"]
        assert [t.mean().item() for t in got] == pytest.approx(expected[f"{kind}_means"], rel=1e-4)
    pooled = caught[Tap.parse("neck")]
    assert pooled.shape[1] == expected["pooled_dim"]
    assert pooled.mean().item() == pytest.approx(expected["pooled_mean"], rel=1e-4)


@torch.no_grad()
def test_a_tap_before_the_relu_is_of_the_same_map(network: Network) -> None:
    """Activated, it is the stage's map; for wide ResNets the map that the next stage begins with.

    Channels and their order are those of the map itself, which connectors rely on.
    """
    name, model, expected = network
    if name == "MobileNetV2":
        before, after = ["backbone.conv2.2:input"], ["backbone.conv2"]
    else:
        after, before = stage_taps(name)
    if name.startswith("wrn"):
        after = [*(f"backbone.block{k}.layer.0.relu1" for k in (2, 3)), "backbone.relu"]
        before = before[1:]
    taps = {Tap.parse(tap) for tap in (*before, *after)}
    _, caught = run_tapped(model, taps, partial(model, images(expected), mode="tensor"))
    for early, late in zip(before, after, strict=True):
        assert torch.equal(caught[Tap.parse(early)].relu(), caught[Tap.parse(late)])
