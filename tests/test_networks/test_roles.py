"""Tensors of a network that are its logits, pooled vector, maps, stages and levels."""

import pytest
import tiny
import torch
from torch import Tensor, nn

from mmkd.networks.role_search import NoRoleError
from mmkd.networks.roles import Roles
from mmkd.networks.taps import Tap, parse_taps
from mmkd.registry import MODELS


class Block(nn.Module):
    """A residual block of two layers, the first of which may halve the size."""

    def __init__(self, given: int, channels: int, stride: int = 1, inplace: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(given, channels, 3, stride, 1)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.short = nn.Conv2d(given, channels, 1, stride)
        self.act2 = nn.ReLU(inplace=inplace)

    def forward(self, x: Tensor) -> Tensor:
        return self.act2(self.conv2(self.act1(self.conv1(x))) + self.short(x))


class Net(nn.Module):
    """A stem, a pooling, stages of two blocks, a pooled vector and a classifier."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.pool = nn.MaxPool2d(2)
        self.layer1 = nn.Sequential(Block(4, 4), Block(4, 4, inplace=inplace))
        self.layer2 = nn.Sequential(Block(4, 8, 2), Block(8, 8))
        self.layer3 = nn.Sequential(Block(8, 16, 2), Block(16, 16))
        self.flatten = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        return self.fc(self.flatten(self.layer3(self.layer2(self.layer1(x)))))


class Tokens(nn.Module):
    """A plain transformer: patches, a class token, blocks, a norm and a classifier of the token."""

    def __init__(self, depth: int = 8) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 8, 8)
        self.token = nn.Parameter(torch.zeros(1, 1, 6))
        layer = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True)
        self.blocks = nn.ModuleList(
            layer if n == 0 else type(layer)(6, 2, 12, batch_first=True) for n in range(depth)
        )
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


def roles_of(network: nn.Module, size: int = 32, **overrides) -> Roles:
    return Roles.find("student", network, torch.zeros(2, 3, size, size), overrides)


def texts(roles: Roles, role: str) -> str | list[str]:
    taps = roles.resolve(Tap.parse(role))
    return str(taps) if isinstance(taps, Tap) else [str(tap) for tap in taps]


def test_a_plain_network_says_all_roles():
    roles = roles_of(Net(), 64)
    assert texts(roles, "@logits") == "fc"
    assert texts(roles, "@pooled") == "flatten"
    assert texts(roles, "@map") == "layer3"
    assert texts(roles, "@stages") == ["layer1", "layer2", "layer3"]
    assert texts(roles, "@stages[-1]") == "layer3"
    assert texts(roles, "@preact") == [f"layer{stage}.1.act2:input" for stage in (1, 2, 3)]
    assert roles.shapes[Tap("layer2")] == (2, 8, 8, 8)


def test_plain_transformers_have_quarters_of_their_depth():
    roles = roles_of(Tokens())
    assert texts(roles, "@logits") == "head"
    assert texts(roles, "@pooled") == "head:input"
    assert texts(roles, "@map") == "norm"
    assert texts(roles, "@stages") == [f"blocks.{n}" for n in (1, 3, 5, 7)]


def test_a_sequence_of_single_layers_has_stages():
    network = nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(8 * 64, 5)),
    )
    roles = roles_of(network)
    assert texts(roles, "@stages") == ["1", "4"]
    assert texts(roles, "@map") == "5"
    assert texts(roles, "@pooled") == "6"
    assert texts(roles, "@logits") == "7"


def test_a_dry_run_changes_nothing():
    network = Net().train()
    network.layer1.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    roles_of(network)
    assert network.training
    assert network.layer2[0].training
    assert not network.layer1[0].training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())


def test_the_user_comes_first_then_the_network_then_the_dry_run():
    network = MODELS.build(tiny.classifier())
    assert texts(roles_of(network), "@stages") == [f"backbone.layer{n}" for n in (1, 2, 3)]
    network.backbone.roles = dict(stages=["layer2", "layer3"])
    assert texts(roles_of(network), "@stages") == ["backbone.layer2", "backbone.layer3"]
    roles = roles_of(network, stages=["backbone.layer1"], logits="head.fc")
    assert texts(roles, "@stages") == ["backbone.layer1"]
    assert roles.shapes[Tap("backbone.layer1")] == (2, 4, 32, 32)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (dict(stage=["layer1"]), "names stage, but the roles are logits, pooled"),
        (dict(stages=["layer9"]), "no module 'layer9' to tap. Near matches: layer3"),
        (dict(stages=["@map"]), "gives '@map' for stages: give a module"),
        (dict(map=["layer1", "layer2"]), "gives 2 taps for map: give one"),
    ],
)
def test_overrides_that_cannot_be_meant_are_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        roles_of(Net(), **overrides)


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("@stage", "'@stage' is no role. There are '@logits'"),
        ("@levels", r"student, a Net: it has no neck.*Seen were .*'layer3.1.act2'.*set roles=dict"),
        ("@stages[3]", "names no item of '@stages' of the student, which has 3: layer1, layer2"),
        ("@preact", "'layer1.1.act2', overwrites its input: set its inplace=False"),
    ],
)
def test_a_role_that_cannot_be_had_says_what_was_seen(role, message):
    with pytest.raises(NoRoleError, match=message):
        roles_of(Net(inplace=True), 64).resolve(Tap.parse(role))


def test_a_forward_that_ends_early_leaves_the_roles_before_its_end():
    class Broken(Net):
        def forward(self, x: Tensor) -> Tensor:
            self.layer3(self.layer2(self.layer1(self.pool(self.stem(x)))))
            raise AssertionError

    roles = roles_of(Broken(), 64)
    assert texts(roles, "@stages") == ["layer1", "layer2", "layer3"]
    with pytest.raises(NoRoleError, match=r"as far as its '@logits'.*AssertionError, without"):
        roles.resolve(Tap.parse("@logits"))


@pytest.mark.parametrize("text", ["@map:input", "@map*", "@", "back@bone"])
def test_a_role_is_a_name_and_items(text):
    with pytest.raises(ValueError, match="is no tap"):
        parse_taps(text)


def test_a_distiller_compares_roles_and_logs_what_they_are():
    terms = dict(
        **tiny.KD,
        hint=dict(student="@map", teacher="@map", loss=dict(type="mmkd.HintLoss")),
        at=dict(student="@stages", teacher="@stages[:]", loss=dict(type="mmkd.ATLoss")),
    )
    model = tiny.distiller(terms=terms)
    assert model.terms["kd"].student_taps == Tap("head.fc")
    assert model.terms["hint"].student_taps == Tap("backbone.layer3")
    assert [str(tap) for tap in model.terms["at"].teacher_taps["teacher"]] == [
        f"backbone.layer{n}" for n in (1, 2, 3)
    ]
    assert all(loss.isfinite().all() for loss in tiny.losses_of(model).values())


def test_of_networks_with_other_numbers_of_stages_the_deepest_are_compared():
    at = dict(student="@stages", teacher="@stages", loss=dict(type="mmkd.ATLoss"))
    teacher = dict(
        model=tiny.classifier(6), roles=dict(stages=["backbone.layer2", "backbone.layer3"])
    )
    model = tiny.distiller(terms=dict(at=at), teacher=teacher)
    assert [str(tap) for tap in model.terms["at"].student_taps] == [
        "backbone.layer2",
        "backbone.layer3",
    ]


def test_roles_of_the_student_are_an_argument():
    hint = dict(student="@map", teacher="@map", loss=dict(type="mmkd.HintLoss"))
    model = tiny.distiller(terms=dict(hint=hint), roles=dict(map="backbone.layer2"))
    assert model.terms["hint"].student_taps == Tap("backbone.layer2")
