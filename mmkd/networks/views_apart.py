"""Batch norms that take their statistics over each view of a batch by itself."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def take_views_apart(network: nn.Module, views: int) -> None:
    """Let the batch norms of a network see one view after another in training.

    Nothing else in a network depends on the other samples of a batch. So this computes what a
    forward for each view would, running statistics included, in one forward. Batch norms that are
    replaced later, as MMEngine's ``sync_bn`` does it, see all views together again.

    Args:
        network: The network, which is changed.
        views: Number of views V; batches are V N inputs, first all of the first view.
    """
    for module in network.modules():
        if isinstance(module, _BatchNorm) and not isinstance(module, _ByView):
            module.views = views  # type: ignore[assignment]
            kind = type(module)
            if kind not in _KINDS:
                _KINDS[kind] = type(kind.__name__, (_ByView, kind), {})
            module.__class__ = _KINDS[kind]


class _ByView(nn.Module):
    """Mixin for classes of batch norms, which runs the batch norm once for each view."""

    views: int

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or len(inputs) % self.views:
            whole: Tensor = super().forward(inputs)
            return whole
        forward = super().forward
        return torch.cat([forward(view) for view in inputs.chunk(self.views)])


_KINDS: dict[type[_BatchNorm], type[_BatchNorm]] = {}
