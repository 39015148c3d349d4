"""Published CIFAR networks: reference numbers, weights by the reference's recipe, and taps."""

import json
import math
import zlib
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmkd.models.keys import published_keys

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs/_base_/models/cifar"
# Of the published code: keys and shapes (their hash), logits, and what it calls features.
REFERENCE: dict[str, dict[str, Any]] = json.loads(
    (ROOT / "tests/data/cifar_models.json").read_text()
)


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
    entries = published_keys(model.state_dict())
    return {key: fill(key, value.shape) for key, value in entries.items()}


def settings(name: str, **backbone: Any) -> Any:
    """The config of a network, with options of its backbone."""
    config = Config.fromfile(CONFIGS / f"{name}.py").model
    config.backbone.update(backbone)
    return config


def build(name: str, **backbone: Any) -> Any:
    return MODELS.build(settings(name, **backbone))


def images(expected: dict[str, Any]) -> Tensor:
    """The batch that the reference's numbers are of."""
    size = expected["input_size"]
    generator = np.random.RandomState(expected["input_seed"])
    return torch.from_numpy(
        generator.standard_normal((expected["batch"], 3, size, size)).astype(np.float32)
    )


def stage_taps(name: str) -> tuple[list[str], list[str]]:
    """Taps of the stem's and the stages' maps, and of the same before their last activation.

    As the docstring of each network has them. The published code lists the stem as it is on both
    sides, and MobileNetV2 has no activation at the end of its stages.
    """
    last_blocks = {
        "ShuffleV1": (3, 7, 3),
        "ShuffleV2": (3, 7, 3),
        "ResNet18": (1, 1, 1, 1),
        "ResNet50": (2, 3, 5, 2),
    }
    if name.startswith("wrn"):
        maps = [f"backbone.block{k}" for k in (1, 2, 3)]
        before = [*(f"backbone.block{k}.layer.0.bn1" for k in (2, 3)), "backbone.bn1"]
        return ["backbone.conv1", *maps], ["backbone.conv1", *before]
    if name.startswith("vgg"):
        maps = [f"backbone.relu{k}" for k in range(5)]
        return maps, [maps[0], *(f"backbone.block{k}" for k in range(1, 5))]
    if name == "MobileNetV2":
        maps = ["backbone.conv1", *(f"backbone.blocks.{k}" for k in (1, 2, 4, 6))]
        return maps, maps
    if name.startswith("resnet"):
        depth = int(name.removeprefix("resnet").removesuffix("x4"))
        last = ((depth - 2) // 6 - 1,) * 3
    else:
        last = last_blocks[name]
    maps = [f"backbone.layer{k}" for k in range(1, len(last) + 1)]
    before = [f"{tap}.{block}.relu:input" for tap, block in zip(maps, last, strict=True)]
    return ["backbone.relu", *maps], ["backbone.relu", *before]
