"""A record distinguishes the tensors of a forward, and knows the origin of each."""

import torch
from torch import nn

from mmkd.networks.recording import recording


def test_an_operation_in_place_makes_another_value_of_the_same_tensor():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
    with torch.no_grad(), recording(network) as record:
        network(torch.zeros(1, 2))
    linear, relu = record.runs
    [before], [after] = linear.output.values(), relu.output.values()
    assert relu.given == {(): before}
    assert before.number == after.number
    assert before != after


def test_values_are_named_by_the_items_of_a_tap_and_tensors_are_not_kept():
    class Several(nn.Module):
        def forward(self, x, *, scale):
            return [(x * scale, x + scale)], {"other": x}

    network = nn.ModuleDict(dict(part=Several()))
    with recording(network) as record:
        outputs = network["part"](torch.zeros(1, 3), scale=torch.ones(1))
    [run] = record.runs
    assert [*run.output] == [(0, 0), (0, 1)]
    assert run.output[0, 1] == record.value(outputs[0][0][1])
    assert [value.shape for value in run.taken] == [(1, 3), (1,)]
    del outputs
    assert len(record._numbers) == 0
