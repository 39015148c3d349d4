"""Chains of modules from one tensor of a forward to a later one."""

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from torch import Tensor, nn

from mmkd.losses.fcfd.calls import Call, NoChainError, chain
from mmkd.networks.recording import recording
from mmkd.networks.taps import Tap, run_tapped


class Net(nn.Module):
    """A network that is modules in a row, of which some are inside each other."""

    def __init__(self, inplace: bool = False, dropout: bool = False) -> None:
        super().__init__()
        self.stem = nn.Linear(3, 4)
        self.stage = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(inplace=inplace))
        self.dropout = nn.Dropout(0.5) if dropout else nn.Identity()
        self.pool = Packed()
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool((self.dropout(self.stage(self.stem(x))),))
        return self.head(pooled[0])


class Packed(nn.Module):
    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(feature.clone() for feature in features)


def lead(network: nn.Module, first: str, last: str = "head") -> list[Call]:
    taps = [Tap.parse(first), Tap.parse(last)]
    network.eval()
    with recording(network) as record:
        _, caught = run_tapped(network, taps, lambda: network(torch.randn(2, 3)))
    return list(chain(record, *((tap, caught[tap]) for tap in taps)))


def paths(*arguments) -> list[str]:
    return [call.path for call in lead(*arguments)]


def test_the_outermost_modules_are_taken():
    assert paths(Net(), "stem") == ["stage", "dropout", "pool", "head"]
    assert [call.packed for call in lead(Net(), "stem")] == [False, False, True, False]


def test_inside_a_part_the_way_goes_through_the_rest_of_it():
    assert paths(Net(), "stage.0") == ["stage.1", "stage.2", "dropout", "pool", "head"]
    assert paths(Net(), "stage.2:input") == ["stage.2", "dropout", "pool", "head"]
    assert paths(Net(), "stem", "stage.1") == ["stage.0", "stage.1"]


def test_what_works_in_place_or_does_nothing_in_eval_mode_is_not_lost():
    """Its output is its input then."""
    assert paths(Net(inplace=True), "stem") == ["stage", "dropout", "pool", "head"]
    assert paths(Net(inplace=True), "stage.0") == [
        "stage.1",
        "stage.2",
        "dropout",
        "pool",
        "head",
    ]
    assert paths(Net(dropout=True), "stage") == ["dropout", "pool", "head"]
    assert paths(Net(dropout=True), "dropout") == ["pool", "head"]


def test_the_calls_make_of_a_feature_what_the_network_makes_of_it():
    network, x = Net().eval(), torch.randn(5, 3)
    feature = network.stem(x)
    for call in lead(network, "stem"):
        feature = call(network, feature)
    assert torch.equal(feature, network(x))


def test_no_hook_stays():
    network = Net()
    lead(network, "stem")
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


class Gap(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stage(self.stem(x)) * 2)


class Pair(Net):
    def forward(self, x: Tensor) -> Tensor:
        features = self.stem(x), self.stage(self.stem(x))
        return self.head(self.pool(features)[1])


class Named(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(input=self.stage(self.stem(x)))


@pytest.mark.parametrize(
    ("network", "first", "message"),
    [
        (Gap(), "stem", "what 'head' takes behind 'stem' is not the output of a module"),
        (Pair(), "stage", "'pool' runs between 'stage' and 'head', and takes or gives more"),
        (Named(), "stem", "'head' runs between 'stem' and 'head', and takes or gives more"),
    ],
)
def test_where_there_is_no_chain_it_says_where_it_breaks(network, first, message):
    with pytest.raises(NoChainError, match=message):
        lead(network, first)


def test_what_lies_behind_the_goal_leads_nowhere():
    with pytest.raises(NoChainError, match="or 'pool' lies beside or behind 'stage'"):
        lead(Net(), "pool", "stage")
