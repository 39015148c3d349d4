"""mmkd.MemoryFormatHook."""

from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import torch
from runs import convnet, distiller, run, weights
from torch import nn

HOOKS = [dict(type="mmkd.MemoryFormatHook")]


def test_the_student_trains_in_channels_last_to_the_same_weights(tmp_path: Path) -> None:
    model = distiller(student=convnet())
    usual = run(tmp_path / "usual", model)
    fast = run(tmp_path / "channels_last", model, custom_hooks=HOOKS)
    for name, weight in weights(fast).items():
        torch.testing.assert_close(weight, weights(usual)[name], rtol=1e-4, atol=1e-6)
    layer, other = (runner.model.student.backbone.layer2 for runner in (fast, usual))
    assert in_channels_last(layer)
    assert not in_channels_last(other)


def in_channels_last(layer: nn.Conv2d) -> bool:
    image = torch.rand(2, 8, 6, 6)
    return all(
        each.is_contiguous(memory_format=torch.channels_last)
        for each in (layer.weight, layer(image))
    )
