"""Standardisation of a teacher's features by running statistics (UNIC, DUNE)."""

import math

import torch
from mmengine.dist import all_reduce
from mmengine.logging import MessageHub
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.registry import MODELS
from mmkd.typed import uncompiled


@MODELS.register_module()
class RunningStandardize(nn.Module):
    r"""Shift and scale a teacher's features to zero mean and unit deviation in each channel.

    UNIC: Universal Classification Models via Multi-teacher Distillation (Sariyildiz et al., ECCV
    2024). Features of different teachers have different scales; after standardisation no teacher's
    loss is large only because of the scale of its features. The mean and the deviation :math:`s` of
    a channel over the batch's samples and positions, in all processes, enter a running average, by
    which the features are then standardised:

    .. math:: s \leftarrow (1 - m)\,s + m\,s_{batch}, \quad z = (f - \mu) / \max(s, \epsilon)

    As in the released code the momentum m falls along half a cosine from 1 in the first iteration
    of the run to ``momentum`` in the last. Outside of a run, whose length would be unknown, it is
    1/k in the k-th call, and no less than ``momentum``. Statistics change in training only, and are
    part of a checkpoint. The released code standardises a batch before its statistics enter, so
    that the first batch is not standardised, and it adds 1e-6 to each deviation in place of a lower
    limit.

    Args:
        shape: Shape of the teacher's feature: (N, C), (N, C, H, W) or (N, L, C).
        momentum: Share of a batch's statistics in the last iteration.
        eps: :math:`\epsilon`, the smallest deviation that divides.
        iterations: Number of iterations over which the momentum falls; by default those of the
            run. Give it where a run may be made longer later.
    """

    mean: Tensor
    deviation: Tensor
    calls: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        momentum: float = 0.001,
        eps: float = 1e-3,
        iterations: int | None = None,
    ) -> None:
        super().__init__()
        if not 0 < momentum <= 1 or eps <= 0:
            raise ValueError(
                "RunningStandardize needs a momentum above 0 and at most 1 and a positive eps, "
                f"not {momentum} and {eps}."
            )
        self.channel = 2 if len(shape) == 3 else 1
        self.momentum, self.eps, self.iterations = momentum, eps, iterations
        self.register_buffer("mean", torch.zeros(shape[self.channel]))
        self.register_buffer("deviation", torch.ones(shape[self.channel]))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def forward(self, features: Tensor) -> Tensor:
        """Return the standardised features, in the shape of the input, without a graph."""
        last = full_precision(features).movedim(self.channel, -1)
        if self.training and last.numel():
            self._remember(last.flatten(0, -2))
        standard = (last - self.mean) / self.deviation.clamp(min=self.eps)
        return standard.movedim(-1, self.channel)

    @uncompiled
    def _remember(self, rows: Tensor) -> None:
        """Let the statistics of rows (R, C) enter the running ones."""
        mean = rows.mean(0)
        all_reduce(mean, "mean")
        variance = (rows - mean).square().mean(0)
        all_reduce(variance, "mean")
        momentum = self._momentum()
        self.mean.lerp_(mean.to(self.mean), momentum)
        self.deviation.lerp_(variance.sqrt().to(self.deviation), momentum)
        self.calls += 1

    def _momentum(self) -> Tensor:
        """Return the share of this batch's statistics, on the device so that nothing waits."""
        hub = MessageHub.get_current_instance()
        length = self.iterations or hub.get_info("max_iters", 0)
        done = hub.get_info("iter", -1)
        step = (self.calls if done < 0 else torch.full_like(self.calls, done)).to(self.mean)
        if not length:
            return (1 / (step + 1)).clamp(min=self.momentum)
        progress = (step / max(length - 1, 1)).clamp(max=1)
        return self.momentum + (1 - self.momentum) * (1 + (math.pi * progress).cos()) / 2
