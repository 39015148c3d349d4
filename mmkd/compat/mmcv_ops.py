"""Support of bfloat16 in mmcv's operators for detectors, which are not compiled for it.

Without this module a detector in bfloat16, or under autocast to it, ends with the error
``"nms_impl" not implemented for 'BFloat16'``, also in stock mmdet.
"""

import functools
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

# mmdet's extractors are changed, too: they round boxes to the type of their features, and in
# bfloat16 that means up to two pixels at a thousand.
OPERATORS = {
    "mmcv.ops.nms": ("NMSop", "SoftNMSop"),
    "mmcv.ops.roi_align": ("RoIAlign",),
    "mmdet.models.roi_heads.roi_extractors": ("SingleRoIExtractor", "GenericRoIExtractor"),
}


def allow_bfloat16() -> None:
    """Make those operators compute in float32 if they get bfloat16.

    Their results have the type of the first tensor argument. Only modules that are already imported
    are changed; after a detector is built, these are all modules that it needs.
    """
    for module, names in OPERATORS.items():
        for name in names if module in sys.modules else ():
            operator = getattr(sys.modules[module], name)
            if not hasattr(operator.forward, "allows_bfloat16"):
                method = isinstance(operator.__dict__["forward"], FunctionType)
                forward = _in_single(operator.forward)
                operator.forward = forward if method else staticmethod(forward)


def _in_single(forward: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(forward)
    def in_single(*given: Any, **numbers: Any) -> Any:
        tensors = _tensors(given)
        if all(tensor.dtype != torch.bfloat16 for tensor in tensors):
            return forward(*given, **numbers)
        with torch.autocast(tensors[0].device.type, enabled=False):
            output = forward(*_cast(given, torch.bfloat16, torch.float32), **numbers)
        return _cast(output, torch.float32, tensors[0].dtype)

    in_single.allows_bfloat16 = True  # type: ignore[attr-defined]
    return in_single


def _tensors(value: Any) -> list[Tensor]:
    """Return the tensors in nested tuples and lists."""
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in _tensors(item)]
    return [value] if isinstance(value, Tensor) else []


def _cast(value: Any, old: torch.dtype, new: torch.dtype) -> Any:
    """Return nested tuples and lists with tensors of one type converted to another."""
    if isinstance(value, list | tuple):
        return type(value)(_cast(item, old, new) for item in value)
    return value.to(new) if isinstance(value, Tensor) and value.dtype == old else value
