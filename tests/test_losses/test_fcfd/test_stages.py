"""Networks that are run on from their stages."""

from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from tiny import CLASSES, classifier
from torch import Tensor, nn

from mmkd.losses.fcfd.stages import Stages
from mmkd.networks.building import build_network
from mmkd.networks.taps import Tap, run_tapped
from mmkd.registry import MODELS
from mmkd.teachers import Teacher

INPUTS = torch.zeros(2, 3, 32, 32)
LOGITS = Tap.parse("head.fc")
LAYERS = [f"layer{number}" for number in (1, 2, 3)]
# Backbone, channels of its last map, stages.
NETWORKS: dict[str, tuple[dict[str, Any], int, list[str]]] = {
    "resnet": (dict(type="mmkd.CIFARResNet", depth=8, widths=(4, 4, 4, 8)), 8, LAYERS),
    "before its ReLUs": (
        dict(type="mmkd.CIFARResNet", depth=14, widths=(4, 4, 4, 8)),
        8,
        [f"{layer}.1.relu:input" for layer in LAYERS],
    ),
    "wrn": (dict(type="mmkd.CIFARWideResNet", depth=10), 64, ["block1", "block2", "bn1"]),
    "vgg": (
        dict(type="mmkd.CIFARVGG", depth=8, widths=(4, 4, 6, 6, 8)),
        8,
        [f"block{number}" for number in range(1, 5)],
    ),
    "MobileNetV2": (
        dict(type="mmkd.CIFARMobileNetV2", widen_factor=0.25, expand_ratio=2),
        1280,
        ["blocks.1", "blocks.2", "blocks.4", "conv2.1"],
    ),
    "ShuffleV2": (
        dict(type="mmkd.CIFARShuffleNetV2", widths=(8, 12, 16, 24), units=(2, 2, 2)),
        24,
        ["layer1", "layer2", "relu2"],
    ),
    "ResNet of mmpretrain": (
        dict(type="mmpretrain.ResNet", depth=18, stem_channels=4, base_channels=4),
        32,
        [f"layer{number}" for number in range(1, 5)],
    ),
}


def network_of(backbone: dict[str, Any], width: int) -> nn.Module:
    config = classifier()
    config["backbone"], config["head"]["in_channels"] = backbone, width
    network = build_network(config)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


def stages_of(network: nn.Module | Teacher, *taps: str, logits: Tap = LOGITS) -> Stages:
    return Stages("the network", network, INPUTS, [Tap.parse(tap) for tap in taps], logits)


@pytest.mark.parametrize("name", NETWORKS)
def test_its_own_feature_gives_its_own_later_features_and_logits(name):
    torch.manual_seed(0)
    backbone, width, taps = NETWORKS[name]
    network = network_of(backbone, width)
    stages = stages_of(network, *(f"backbone.{tap}" for tap in taps))
    images = torch.randn(3, 3, 32, 32)
    logits, caught = run_tapped(network, stages.taps, lambda: network(images))
    features = [caught[tap] for tap in stages.taps]
    assert stages.shapes == [(2, *feature.shape[1:]) for feature in features]
    assert stages.activated == [bool((feature >= 0).all()) for feature in features]
    assert stages.classes == CLASSES
    for stage, feature in enumerate(features):
        later, output = stages.run_on(stage, feature)
        torch.testing.assert_close(output, logits)
        torch.testing.assert_close(later, features[stage + 1 :])
        _, other = stages.run_on(stage, feature + torch.rand_like(feature))
        assert (other != logits).any(1).all()


def test_in_training_a_student_normalises_by_the_batch_and_keeps_its_statistics():
    torch.manual_seed(0)
    network = build_network(classifier()).eval()
    stages = stages_of(network, "backbone.layer1", "backbone.layer2")
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    feature = torch.rand(4, 4, 32, 32)
    [later], logits = stages.run_on(0, feature)
    after = network.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    torch.testing.assert_close(later, network.backbone.layer2(feature))
    torch.testing.assert_close(
        logits, network.head.fc(network.neck(network.backbone.layer3(later)))
    )
    assert not torch.equal(
        after["backbone.layer2.0.bn1.running_mean"], before["backbone.layer2.0.bn1.running_mean"]
    ), "it is tracked again by who runs the network itself"
    network.eval()
    assert not torch.allclose(stages.run_on(0, feature)[0][0], later)


def test_a_teacher_is_in_eval_mode_and_only_the_feature_gets_a_gradient():
    teacher = Teacher(model=network_of(*NETWORKS["resnet"][:2]))
    stages = stages_of(teacher, "backbone.layer1", "backbone.layer2")
    teacher.network.train()
    before = {key: value.clone() for key, value in teacher.network.state_dict().items()}
    feature = torch.rand(2, 4, 32, 32, requires_grad=True)
    [later], logits = stages.run_on(0, feature)
    (later.sum() + logits.square().sum()).backward()
    assert feature.grad.abs().sum() > 0
    assert not teacher.network.training
    assert all(parameter.grad is None for parameter in teacher.network.parameters())
    assert all(torch.equal(v, before[k]) for k, v in teacher.network.state_dict().items())


@pytest.mark.parametrize("options", [dict(dtype="bfloat16"), dict(memory_format="channels_last")])
def test_a_teacher_runs_in_its_own_type_and_format(options):
    teacher = Teacher(model=network_of(*NETWORKS["resnet"][:2]), **options)
    stages = stages_of(teacher, "backbone.layer1", "backbone.layer2")
    feature = torch.rand(2, 4, 32, 32, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.float16):
        _, logits = stages.run_on(0, feature)
    assert logits.dtype == (torch.bfloat16 if "dtype" in options else torch.float16)
    logits.float().square().sum().backward()
    assert feature.grad.dtype == torch.float32
    assert feature.grad.abs().sum() > 0


@MODELS.register_module()
class LeakyBackbone(nn.Module):
    """A backbone whose last map does not follow from its second alone."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.layer1, self.layer2 = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1)
        self.layer3, self.layer4 = nn.Conv2d(8, 8, 3, padding=1), Sum()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        one = self.layer1(x)
        two = self.layer2(one)
        if self.kind == "functional":
            return (self.layer3(two.relu()),)
        if self.kind == "hidden":
            self.layer4.remembered = one
        three = self.layer3(two)
        if self.kind == "several":
            return two, three
        return (self.layer4(three, two) if self.kind == "skip" else self.layer4(three),)


class Sum(nn.Module):
    remembered: Tensor | float = 0.0

    def forward(self, x: Tensor, y: Tensor | float = 0.0) -> Tensor:
        return x + self.remembered + y


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("functional", "'backbone.layer3' takes behind 'backbone.layer2' is not the output"),
        ("skip", "'backbone.layer4' runs between 'backbone.layer2' and 'head.fc', and takes"),
        ("several", "'neck' runs between .* takes or gives more than one tensor"),
        ("hidden", "at 'head.fc' does not follow from 'backbone.layer2' alone"),
    ],
)
def test_a_network_that_is_no_row_of_modules_is_refused(kind, message):
    network = network_of(dict(type="mmkd.LeakyBackbone", kind=kind), 8)
    with pytest.raises(ValueError, match=message):
        stages_of(network, "backbone.layer2")


def test_taps_that_cannot_be_stages_are_refused():
    network = build_network(classifier()).eval()
    for taps in (("backbone.layer3", "backbone.layer2"), ("backbone.layer2", "backbone.layer2")):
        with pytest.raises(ValueError, match=r"'backbone.layer2' did not run in this forward"):
            stages_of(network, *taps)
    with pytest.raises(ValueError, match=r"leave out the '\*'"):
        stages_of(network, "backbone.layer3*")
    with pytest.raises(ValueError, match=r"not \(N, K\): only classifiers"):
        stages_of(network, "backbone.layer2", logits=Tap.parse("backbone.layer3"))


def test_teachers_that_cannot_be_followed_are_refused():
    network = build_network(classifier())
    teacher = Teacher(model=network)
    network.head.compile()
    with pytest.raises(ValueError, match="compile=False"):
        stages_of(teacher, "backbone.layer2")
