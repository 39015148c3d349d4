"""The int8 copy of a classifier: its layers, and how near its logits are."""

from pathlib import Path

import pytest
import tiny
import torch
from torch import nn

from mmkd.registry import MODELS


def test_the_copy_computes_in_int8_and_stays_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    from projects.int8_student.quantize_student import Classifier, quantized, tensors

    network = Classifier(MODELS.build(tiny.classifier())).eval()
    images = [torch.randn(8, 3, 16, 16) for _ in range(3)]
    small = quantized(network, images)
    assert not any(type(module) in (nn.Conv2d, nn.Linear) for module in small.modules())
    with torch.no_grad():
        exact, near = network(images[0]), small(images[0])
    assert (exact - near).abs().max() < 0.1 * (exact.max() - exact.min())
    assert not torch.equal(exact, near)
    weights = [part for part in tensors(small.state_dict()) if part.dtype == torch.int8]
    assert sum(part.numel() for part in weights) == sum(
        module.weight.numel()
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    )
