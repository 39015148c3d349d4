"""Parts that take no part in a step cost nothing, except where DDP waits for them."""

import pytest
import tiny
import torch
from host_traffic import HostTraffic
from mmengine.optim import OptimWrapper
from torch import nn

from mmkd.terms import nothing

OFF = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.HintLoss"),
    schedule=dict(begin=100),
)


@pytest.mark.parametrize("distributed", [False, True])
def test_gradients_of_zeros_are_for_ddp_alone(
    distributed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nothing, "is_distributed", lambda: distributed)
    part = nn.Linear(2, 3)
    part.bias.requires_grad_(False)
    loss = nothing.no_loss(part, torch.ones(1, dtype=torch.bfloat16))
    assert loss == 0
    assert loss.dtype == torch.bfloat16
    assert loss.requires_grad is distributed
    if distributed:
        loss.backward()
        assert torch.equal(part.weight.grad, torch.zeros(3, 2))
        assert part.bias.grad is None


def kernels(**terms: object) -> int:
    model = tiny.distiller(terms=dict(tiny.KD, **terms))
    model.train()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    data = tiny.batch()
    model.train_step(data, wrapper)
    with HostTraffic() as traffic:
        model.train_step(data, wrapper)
    return traffic.kernels


def test_a_term_that_does_not_act_costs_its_zero_in_the_sum_of_losses() -> None:
    assert kernels(hint=OFF) - kernels() <= 4
