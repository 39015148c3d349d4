"""Full-precision arithmetic, whatever autocast or half precision does outside."""

import torch
from torch import Tensor


def full_precision(tensor: Tensor) -> Tensor:
    """Return half-precision values as float32; float32 and float64 stay what they are.

    float64 passes, so that reference values can be checked to more than seven digits.
    """
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
