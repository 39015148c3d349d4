"""The CIFAR ResNets equal the published ones, key for key and number for number."""

import hashlib
import json
import math
import zlib
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmkd.models import CIFARResNet, classifier_keys

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs/_base_/models/cifar"
REFERENCE = json.loads((ROOT / "tests/data/cifar_resnets.json").read_text())


def fill(key: str, shape: torch.Size) -> Tensor:
    """The reference's recipe for the values of one entry."""
    noise = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape)
    if key.endswith("running_var"):
        noise = 0.5 + np.abs(noise)
    elif key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.long)
    elif len(shape) >= 2:
        noise = noise * math.sqrt(1 / math.prod(shape[1:]))
    elif key.endswith("weight"):
        noise = 0.7 + 0.05 * noise
    else:
        noise = 0.1 * noise
    return torch.from_numpy(np.asarray(noise, dtype=np.float32))


def published(model: nn.Module) -> dict[str, Tensor]:
    """The entries that a published checkpoint of this network would hold, filled."""
    names = {
        key: key.removeprefix("backbone.").replace("head.fc.", "fc.") for key in model.state_dict()
    }
    return {name: fill(name, model.state_dict()[key].shape) for key, name in names.items()}


def build(name: str, **backbone: Any) -> Any:
    config = Config.fromfile(CONFIGS / f"{name}.py").model
    config.backbone.update(backbone)
    return MODELS.build(config)


@pytest.fixture(scope="module", params=sorted(REFERENCE))
def reference(request: pytest.FixtureRequest) -> tuple[Any, dict[str, Any]]:
    """A model that returns all its maps, holding the reference's weights, and the reference."""
    model = build(request.param, out_indices=(0, 1, 2, 3))
    model.load_state_dict(classifier_keys(published(model)), strict=True)
    return model.eval(), REFERENCE[request.param]


def images(expected: dict[str, Any]) -> Tensor:
    size = expected["input_size"]
    generator = np.random.RandomState(expected["input_seed"])
    return torch.from_numpy(
        generator.standard_normal((expected["batch"], 3, size, size)).astype(np.float32)
    )


def test_keys_and_shapes_are_the_published_ones(reference: tuple[Any, dict[str, Any]]) -> None:
    model, expected = reference
    entries = published(model)
    lines = "\n".join(f"{key} {'x'.join(map(str, t.shape))}" for key, t in entries.items())
    assert len(entries) == expected["entries"]
    assert hashlib.sha256(lines.encode()).hexdigest() == expected["keys_sha256"]
    assert sum(p.numel() for p in model.parameters()) == expected["params"]


@torch.no_grad()
def test_logits_are_the_published_ones(reference: tuple[Any, dict[str, Any]]) -> None:
    model, expected = reference
    logits = model(images(expected), mode="tensor")
    assert logits.shape == (expected["batch"], expected["num_classes"])
    for row, wanted in zip(logits[:, :10].tolist(), expected["logits"], strict=True):
        assert row == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@torch.no_grad()
def test_features_before_and_after_the_last_relu(reference: tuple[Any, dict[str, Any]]) -> None:
    model, expected = reference
    backbone = model.backbone
    before: list[Tensor] = [torch.empty(0)]
    stages = (backbone.layer1, backbone.layer2, backbone.layer3)
    handles = [
        stage[-1].relu.register_forward_pre_hook(lambda _, args: before.append(args[0]))
        for stage in stages
    ]
    maps = backbone(images(expected))
    for handle in handles:
        handle.remove()
    before[0] = maps[0]  # the published code lists the stem after its ReLU on both sides

    assert len(before) == 4, "the last ReLU of a stage runs once a forward"
    for got, kind in ((maps, "feature"), (before, "preact")):
        assert [list(t.shape) for t in got] == expected[f"{kind}_shapes"]
        assert [t.mean().item() for t in got] == pytest.approx(expected[f"{kind}_means"], rel=1e-4)
    for pre, post in zip(before, maps, strict=True):
        assert torch.equal(pre.relu(), post)

    pooled = model.neck(maps)[-1]
    assert pooled.shape[1] == expected["pooled_dim"]
    assert pooled.mean().item() == pytest.approx(expected["pooled_mean"], rel=1e-4)


def test_no_relu_changes_its_input() -> None:
    inputs: list[tuple[Tensor, Tensor]] = []
    model = CIFARResNet(depth=8)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(lambda _, a: inputs.append((a[0], a[0].clone())))
    model(torch.randn(2, 3, 16, 16))
    assert len(inputs) == 7
    assert all(torch.equal(tapped, as_tapped) for tapped, as_tapped in inputs)


def test_gradient_reaches_every_parameter() -> None:
    model = build("resnet8x4")
    model(torch.randn(2, 3, 32, 32), mode="tensor").square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_initialisation_is_the_literatures() -> None:
    torch.manual_seed(0)
    model = build("resnet32x4")
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * math.prod(module.kernel_size)
            assert module.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
    # nn.Linear's own: uniform within 1 / sqrt(in_features), for weight and bias.
    bound = 1 / math.sqrt(model.head.in_channels)
    weight = model.head.fc.weight
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert model.head.fc.bias.abs().max() > 0


def test_out_indices_and_grey_images() -> None:
    model = CIFARResNet(depth=8, widths=(4, 8, 12, 16), in_channels=1, out_indices=(1, 3))
    maps = model(torch.randn(2, 1, 28, 28))
    assert [tuple(t.shape) for t in maps] == [(2, 8, 28, 28), (2, 16, 7, 7)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(depth=18), "6 n \\+ 2"),
        (dict(depth=2), "6 n \\+ 2"),
        (dict(depth=8, widths=(16, 32, 64)), "stem and 3 stages"),
        (dict(depth=8, out_indices=(4,)), "0..3"),
        (dict(depth=8, out_indices=(-1,)), "0..3"),
        (dict(depth=8, out_indices=()), "0..3"),
    ],
)
def test_impossible_networks_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CIFARResNet(**options)
