"""Zero loss, for parts of a model that are not used in a step."""

from typing import Any

import torch
from mmengine.dist import is_distributed
from torch import Tensor, nn


class _Nothing(torch.autograd.Function):
    """Zero that depends on parameters, and gives each of them a gradient of zeros."""

    @staticmethod
    def forward(ctx: Any, zero: Tensor, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(*parameters)
        return zero.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return None, *(torch.zeros_like(parameter) for parameter in ctx.saved_tensors)


def no_loss(part: nn.Module, inputs: Tensor) -> Tensor:
    """Return 0, which costs nothing in a run of one process.

    In a distributed run it has a graph to the part's parameters and gives each a gradient of zeros,
    because DistributedDataParallel waits for the gradients of all parameters.

    Args:
        part: The part of the model.
        inputs: A tensor of the device and the type of the result.
    """
    zero = inputs.new_zeros(())
    if not is_distributed():
        return zero
    trained = [parameter for parameter in part.parameters() if parameter.requires_grad]
    nothing: Tensor = _Nothing.apply(zero, *trained)  # type: ignore[no-untyped-call]
    return nothing
