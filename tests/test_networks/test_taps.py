from functools import partial

import pytest
import torch
from torch import nn

from mmkd.networks.taps import Tap, expand, run_tapped


class Net(nn.Module):
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=inplace), nn.Linear(4, 5))
        self.head = nn.Linear(5, 2)
        self.calls = 0

    def forward(self, x):
        x = self.backbone(x)
        self.calls += 1
        return self.head(x)


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Identity()

    def forward(self, x):
        return self.part((x, x + 1, {"no": "tensor"}))


def run(network, taps, inputs):
    return run_tapped(network, taps, partial(network, inputs))


TAPS = ["head", "a.b.0", "neck:input", "neck[-1]", "neck:input[2]", "head[0][:]"]


@pytest.mark.parametrize("text", [*TAPS, "a.b*:input[1][0]", "a*2:input"])
def test_notation_is_read_and_written(text):
    assert str(Tap.parse(text)) == text


def test_a_tap_is_the_one_that_its_notation_means():
    assert Tap("head") == Tap.parse("head") != Tap.parse("head[0]")
    assert hash(Tap("head")) == hash(Tap.parse("head"))


@pytest.mark.parametrize("text", ["", "head[", "head:output", "a b", "neck[x]", "neck:input*"])
def test_what_is_no_tap_is_refused_with_the_syntax(text):
    with pytest.raises(ValueError, match=r"Write 'module\.path'"):
        Tap.parse(text)


def test_a_wrong_path_lists_near_matches_and_parts():
    Tap.parse("backbone.0").check(Net())
    with pytest.raises(ValueError, match=r"no module 'haed'.*head.*Its parts: backbone, head"):
        Tap.parse("haed").check(Net())


def test_outputs_and_inputs_are_caught():
    net, x = Net(), torch.randn(2, 3)
    taps = [Tap.parse(text) for text in ("backbone", "head:input", "head")]
    output, caught = run(net, taps, x)
    assert caught[taps[0]] is caught[taps[1]]
    assert caught[taps[2]] is output


def test_no_hook_outlives_the_forward_also_after_an_error():
    net = Net()
    with pytest.raises(RuntimeError, match="shapes"):
        run(net, [Tap.parse("head")], torch.randn(2, 7))
    assert not net.head._forward_hooks


def test_a_forward_can_end_at_its_deepest_tap():
    net, deepest = Net(), Tap.parse("backbone.1")
    forward = partial(net, torch.randn(2, 3))
    output, caught = run_tapped(net, [Tap.parse("backbone.0"), deepest], forward, stop=True)
    assert net.calls == 0
    assert output is None
    assert caught[deepest].shape == (2, 4)


def test_items_of_tuples():
    first, last = Tap.parse("part[0]"), Tap.parse("part[1]")
    _, caught = run(Several(), [first, last], torch.zeros(2))
    assert caught[first].sum() == 0
    assert caught[last].sum() == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [("part", "tuple of 3: say which"), ("part[3]", "no such item"), ("part[2]", "not a tensor")],
)
def test_what_is_no_tensor_is_told(text, message):
    with pytest.raises(ValueError, match=message):
        run(Several(), [Tap.parse(text)], torch.zeros(2))


def test_an_index_of_a_single_tensor_is_told():
    with pytest.raises(ValueError, match="no such item"):
        run(Net(), [Tap.parse("head[1]")], torch.zeros(2, 3))


def test_a_tensor_changed_in_place_is_not_handed_on():
    with pytest.raises(RuntimeError, match="changed in place"):
        run(Net(inplace=True), [Tap.parse("backbone.0")], torch.randn(2, 3))


def test_modules_that_run_twice_or_never_are_told():
    shared = nn.ReLU()
    twice = nn.Sequential(nn.Linear(3, 3), shared, nn.Linear(3, 3), shared)
    with pytest.raises(RuntimeError, match="more than once"):
        run(twice, [Tap.parse("1")], torch.randn(2, 3))
    net = Net()
    net.unused = nn.Linear(1, 1)
    with pytest.raises(RuntimeError, match="did not run"):
        run(net, [Tap.parse("unused")], torch.randn(2, 3))


class Levels(nn.Module):
    """Gives scores and boxes of two levels, each a list, by a part that runs once a level."""

    def __init__(self) -> None:
        super().__init__()
        self.part, self.head = nn.Identity(), nn.Identity()

    def forward(self, x):
        scores = [self.part(x), self.part(x + 1)]
        return self.head((scores, [x + 2, x + 3]))


def test_items_of_items():
    tap = Tap.parse("head[1][0]")
    _, caught = run(Levels(), [tap], torch.zeros(2))
    assert caught[tap].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("text", "short_for"),
    [
        ("head[0][:]", ["head[0][0]", "head[0][1]"]),
        ("head[:][1]", ["head[0][1]", "head[1][1]"]),
        ("head[:][:]", ["head[0][0]", "head[0][1]", "head[1][0]", "head[1][1]"]),
    ],
)
def test_all_items_are_written_as_one_tap(text, short_for):
    net, tap = Levels(), Tap.parse(text)
    found = expand(net, [tap, Tap.parse("part*")], partial(net, torch.zeros(2)))
    assert {str(t): [str(one) for one in taps] for t, taps in found.items()} == {text: short_for}


def test_all_items_of_a_single_tensor_are_that_tensor():
    net, tap = Net(), Tap.parse("head[:]")
    found = expand(net, [tap], partial(net, torch.zeros(2, 3)))
    _, caught = run(net, found[tap], torch.zeros(2, 3))
    assert caught[Tap.parse("head[0]")].shape == (2, 2)


def test_every_run_of_a_module_is_concatenated():
    tap = Tap.parse("part*")
    _, caught = run(Levels(), [tap], torch.zeros(2))
    assert caught[tap].tolist() == [0, 0, 1, 1]


def test_one_run_of_a_module_is_its_tensor():
    first, second, third = (Tap.parse(f"part*{run}") for run in range(3))
    _, caught = run(Levels(), [first, second], torch.zeros(2))
    assert [caught[tap].tolist() for tap in (first, second)] == [[0, 0], [1, 1]]
    with pytest.raises(RuntimeError, match=r"'part\*2' has no tensor: its module ran 2 times"):
        run(Levels(), [third], torch.zeros(2))
    with pytest.raises(RuntimeError, match=r"'head\*1' has no tensor: its module ran 1 times"):
        run(Net(), [Tap.parse("head*1")], torch.randn(2, 3))


def test_a_forward_that_is_ended_early_still_has_every_run():
    net, tap = Levels(), Tap.parse("part*")
    _, caught = run_tapped(net, [tap], partial(net, torch.zeros(2)), stop=True)
    assert len(caught[tap]) == 4


def test_an_optional_tap_has_a_tensor_only_if_its_module_ran():
    net = Net()
    net.unused = nn.Linear(1, 1)
    taps = [Tap("unused", optional=True), Tap("head", optional=True)]
    _, caught = run(net, taps, torch.randn(2, 3))
    assert list(caught) == taps[1:]
