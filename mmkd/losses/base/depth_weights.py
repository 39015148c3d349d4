"""Weights of layers by depth: each layer counts twice as much as the one before it."""

from collections.abc import Sequence

from torch import Tensor


def weigh_by_depth(losses: Sequence[Tensor]) -> Tensor:
    r"""Return :math:`\sum_i 2^{i-n+1} L_i` of n losses, i from 0; the last has the weight 1."""
    weighed = [loss / 2 ** (len(losses) - 1 - i) for i, loss in enumerate(losses)]
    total: Tensor = sum(weighed[1:], start=weighed[0])
    return total
