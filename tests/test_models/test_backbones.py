"""Properties of every backbone, beside its numbers."""

import math
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS
from published import REFERENCE, build, settings
from torch import Tensor, nn

import mmkd.models.backbones as backbones

SMALL = ["resnet8x4", "wrn_16_1", "vgg8", "MobileNetV2", "ShuffleV1", "ShuffleV2", "ResNet18"]
# The first network of each kind, as narrow as a test needs it.
NARROW: dict[str, dict[str, Any]] = dict(
    CIFARResNet=dict(depth=8, widths=(4, 8, 12, 16)),
    CIFARWideResNet=dict(depth=10),
    CIFARVGG=dict(depth=11, widths=(4, 8, 8, 12, 16)),
    CIFARMobileNetV2=dict(widen_factor=0.25, expand_ratio=2),
    CIFARShuffleNetV1=dict(widths=(48, 96, 192), units=(1, 2, 1)),
    CIFARShuffleNetV2=dict(widths=(12, 16, 20, 32), units=(2, 1, 2)),
    CIFARResNetV2=dict(depth=50, base_channels=4),
    MobileNetV1=dict(widen_factor=0.125),
)


def narrow(kind: str, **options: Any) -> Any:
    return MODELS.build(dict(type=f"mmkd.{kind}", **NARROW[kind], **options))


def test_every_backbone_is_tested_here() -> None:
    assert set(NARROW) == set(backbones.__all__)


@pytest.mark.parametrize("kind", NARROW)
def test_no_relu_changes_its_input(kind: str) -> None:
    inputs: list[tuple[Tensor, Tensor]] = []
    model = narrow(kind)
    relus = [module for module in model.modules() if isinstance(module, nn.ReLU)]
    for module in relus:
        module.register_forward_pre_hook(lambda _, a: inputs.append((a[0], a[0].clone())))
    model(torch.randn(2, 3, 32, 32))
    assert len(inputs) == len(relus), "each runs once, so that it can be tapped"
    assert all(torch.equal(tapped, as_tapped) for tapped, as_tapped in inputs)


@pytest.mark.parametrize("name", SMALL)
def test_gradient_reaches_every_parameter(name: str) -> None:
    model = build(name)
    model(torch.randn(2, 3, 32, 32), mode="tensor").square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    # A bias before a batch norm in training has none but by rounding.
    biases = {f"{path}.bias" for path, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    trained = [p for name, p in model.named_parameters() if name not in biases]
    assert all(p.grad.abs().sum() > 0 for p in trained)


@pytest.mark.parametrize("kind", NARROW)
def test_out_indices_and_grey_images(kind: str) -> None:
    count = {"CIFARResNet": 4, "CIFARShuffleNetV1": 4, "CIFARMobileNetV2": 6}.get(kind, 5)
    model = narrow(kind, in_channels=1, out_indices=range(count)).eval()
    images = torch.randn(2, 1, 28, 28)
    maps = model(images)
    assert len(maps) == count
    for indices in ((1, 3), (count - 1,)):
        model.out_indices = indices
        for index, returned in zip(indices, model(images), strict=True):
            assert torch.equal(returned, maps[index])
    assert narrow(kind).out_indices == (count - 1,), "by default the map that the head reads"
    assert narrow(kind, out_indices=(2, 0)).out_indices == (0, 2), "shallowest first"
    for wrong in ((), (-1,), (count,)):
        with pytest.raises(ValueError, match=rf"0\.\.{count - 1}"):
            narrow(kind, out_indices=wrong)


@pytest.mark.parametrize("name", SMALL)
@torch.no_grad()
def test_tiny_imagenet(name: str) -> None:
    """64 pixels and 200 classes: maps are twice as large, but for vgg's last one."""
    count = len(REFERENCE[name]["feature_shapes"])
    config = settings(name, out_indices=range(count))
    config.head.num_classes = 200
    model = MODELS.build(config).eval()
    maps = model.backbone(torch.randn(1, 3, 64, 64))
    sizes = [shape[-1] for shape in REFERENCE[name]["feature_shapes"]]
    doubled = [2 * size for size in sizes]
    if name == "vgg8":
        doubled[-1] = sizes[-1]
    assert [tuple(t.shape[-2:]) for t in maps] == [(size, size) for size in doubled]
    model.backbone.out_indices = build(name).backbone.out_indices
    assert model(torch.randn(1, 3, 64, 64), mode="tensor").shape == (1, 200)


@pytest.mark.parametrize("name", ["resnet32x4", *SMALL])
def test_initialisation_is_the_literatures(name: str) -> None:
    torch.manual_seed(0)
    model = build(name)
    as_built = {key: value.clone() for key, value in model.state_dict().items()}
    model.init_weights()
    for path, module in model.backbone.named_modules():
        if isinstance(module, nn.Conv2d) and name.startswith("Shuffle"):
            assert torch.equal(module.weight, as_built[f"backbone.{path}.weight"])
        elif isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * math.prod(module.kernel_size)
            error = 5 / math.sqrt(2 * module.weight.numel())
            assert module.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=error)
            assert module.bias is None or (module.bias == 0).all()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
    check_head(name, model.head)


def check_head(name: str, head: Any) -> None:
    weight, bias = head.fc.weight, head.fc.bias
    if name in ("vgg8", "MobileNetV2"):
        assert weight.std().item() == pytest.approx(0.01, rel=0.05)
    else:  # nn.Linear's own: uniform within 1 / sqrt(in_features)
        bound = 1 / math.sqrt(head.in_channels)
        assert weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    zero_bias = name.startswith(("wrn", "vgg", "MobileNet"))
    assert bool((bias == 0).all()) == zero_bias


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("CIFARResNet", dict(depth=18), "6 n \\+ 2"),
        ("CIFARResNet", dict(depth=2), "6 n \\+ 2"),
        ("CIFARResNet", dict(depth=8, widths=(16, 32, 64)), "stem and 3 stages"),
        ("CIFARWideResNet", dict(depth=18), "6 n \\+ 4"),
        ("CIFARWideResNet", dict(depth=4), "6 n \\+ 4"),
        ("CIFARWideResNet", dict(depth=16, widen_factor=0), "1 or more"),
        ("CIFARVGG", dict(depth=14), "8, 11, 13, 16, 19: 14"),
        ("CIFARVGG", dict(depth=8, widths=(8, 8)), "5 stages"),
        ("CIFARResNetV2", dict(depth=20), "18, 34, 50, 101, 152: 20"),
        ("CIFARShuffleNetV1", dict(units=(4, 8)), "3 stages"),
        ("CIFARShuffleNetV1", dict(units=(4, 0, 4)), "3 stages"),
        ("CIFARShuffleNetV1", dict(widths=(240, 480, 961)), "divisible by groups"),
        ("CIFARShuffleNetV2", dict(units=(4, 0, 4)), "3 stages"),
        ("CIFARShuffleNetV2", dict(widths=(116, 232, 464)), "last convolution"),
        ("CIFARShuffleNetV2", dict(widths=(115, 232, 464, 1024)), "even"),
        ("CIFARMobileNetV2", dict(widen_factor=0.05), "0.05"),
        ("MobileNetV1", dict(widen_factor=0.03), "0.03"),
    ],
)
def test_impossible_networks_are_refused(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(backbones, kind)(**options)
