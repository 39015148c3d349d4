"""Arithmetic that losses and weights share: full precision, and means over weighted samples."""

import torch
from torch import Tensor


def full_precision(tensor: Tensor) -> Tensor:
    """Return half-precision values as float32; float32 and float64 stay unchanged.

    float64 stays, so that reference values can be checked to more than seven digits.
    """
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def reduce_loss(
    loss: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    avg_factor: float | None = None,
    factor: float = 1.0,
) -> Tensor:
    """Weigh and reduce per-sample losses, in the convention of OpenMMLab's losses.

    Args:
        loss: Loss of each sample, shape (N,).
        weight: Weight of each sample, shape (N,). The mean is taken over samples after weighting
            and, as in ER-KD and EA-KD, is not renormalised by the sum of the weights.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        avg_factor: Divisor of the sum in place of N, for ``'mean'``.
        factor: Factor on the result.

    Returns:
        Shape (N,) for ``'none'``, else a 0-dim tensor. The mean over no samples is 0, with a graph.

    Raises:
        ValueError: If the weight has another shape than the loss, or the reduction is unknown.
    """
    if weight is not None:
        if weight.shape != loss.shape:
            raise ValueError(
                f"The sample weight has shape {tuple(weight.shape)}, the losses of the samples "
                f"have {tuple(loss.shape)}: they must be equal, or the product would broadcast."
            )
        loss = loss * weight
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction must be 'none', 'mean' or 'sum', not {reduction!r}.")
    if reduction == "sum":
        loss = loss.sum()
    elif reduction == "mean" and avg_factor is None and loss.numel():
        loss = loss.mean()
    elif reduction == "mean":
        loss = loss.sum() / (1 if avg_factor is None else avg_factor)
    return loss if factor == 1 else factor * loss
