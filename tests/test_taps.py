import pytest
import torch
from torch import nn

from mmkd.taps import Tap, capture


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


@pytest.mark.parametrize("text", ["head", "a.b.0", "neck:input", "neck[-1]", "neck:input[2]"])
def test_notation_is_read_and_written(text):
    assert str(Tap.parse(text)) == text


@pytest.mark.parametrize("text", ["", "head[", "head:output", "a b", "neck[x]"])
def test_what_is_no_tap_is_refused_with_the_syntax(text):
    with pytest.raises(ValueError, match=r"Write 'module\.path'"):
        Tap.parse(text)


def test_a_wrong_path_lists_near_matches_and_parts():
    with pytest.raises(ValueError, match=r"no module 'haed'.*head.*Its parts: backbone, head"):
        Tap.parse("haed").module(Net())


def test_outputs_and_inputs_are_caught():
    net, x = Net(), torch.randn(2, 3)
    taps = [Tap.parse(text) for text in ("backbone", "head:input", "head")]
    with capture(net, taps) as captured:
        output = net(x)
    assert captured.read(taps[0]) is captured.read(taps[1])
    assert captured.read(taps[2]) is output


def test_a_tensor_is_released_by_its_last_reader():
    net, tap = Net(), Tap.parse("head")
    with capture(net, [tap, tap]) as captured:
        net(torch.randn(2, 3))
    captured.read(tap)
    assert tap in captured
    captured.read(tap)
    assert tap not in captured


def test_no_hook_outlives_the_context_also_after_an_error():
    net = Net()
    with pytest.raises(ZeroDivisionError), capture(net, [Tap.parse("head")]):
        raise ZeroDivisionError
    assert not net.head._forward_hooks


def test_a_forward_can_end_at_its_deepest_tap():
    net = Net()
    with capture(net, [Tap.parse("backbone.0"), Tap.parse("backbone.1")], stop=True) as captured:
        net(torch.randn(2, 3))
    assert net.calls == 0
    assert captured.read(Tap.parse("backbone.1")).shape == (2, 4)


def test_items_of_tuples():
    net, x = Several(), torch.zeros(2)
    first, last = Tap.parse("part[0]"), Tap.parse("part[1]")
    with capture(net, [first, last]) as captured:
        net(x)
    assert captured.read(last).sum() == 2

    for text, message in (
        ("part", r"tuple of 3: say which"),
        ("part[3]", "no such item"),
        ("part[2]", "not a tensor"),
    ):
        with pytest.raises(ValueError, match=message), capture(net, [Tap.parse(text)]):
            net(x)


def test_a_tensor_changed_in_place_is_not_handed_on():
    net, tap = Net(inplace=True), Tap.parse("backbone.0")
    with capture(net, [tap]) as captured:
        net(torch.randn(2, 3))
    with pytest.raises(RuntimeError, match="changed in place"):
        captured.read(tap)


def test_modules_that_run_twice_or_never_are_told():
    shared = nn.ReLU()
    twice = nn.Sequential(nn.Linear(3, 3), shared, nn.Linear(3, 3), shared)
    with pytest.raises(RuntimeError, match="more than once"), capture(twice, [Tap.parse("1")]):
        twice(torch.randn(2, 3))

    net, tap = Net(), Tap.parse("head")
    with capture(net, [tap]) as captured:
        pass
    with pytest.raises(RuntimeError, match="did not run"):
        captured.read(tap)
