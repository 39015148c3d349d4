"""Full-precision arithmetic for losses and weights, also under autocast or half precision."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def _upcast(value: Any) -> Any:
    """Return half-precision tensors in ``value``, also nested ones, as float32."""
    if isinstance(value, Tensor):
        return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
    if isinstance(value, list | tuple):
        return type(value)(_upcast(item) for item in value)
    if isinstance(value, dict):
        return {key: _upcast(item) for key, item in value.items()}
    return value


def _device_type(value: Any) -> str | None:
    """Return the device type of the first tensor found in ``value``, if there is one."""
    if isinstance(value, Tensor):
        return value.device.type
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next((found for item in value if (found := _device_type(item))), None)
    return None


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Run ``function`` outside autocast, with half-precision tensor arguments upcast to float32.

    float64 stays float64, so that reference values can be checked to more than seven digits.
    """

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        device_type = _device_type([*args, kwargs]) or "cpu"
        with torch.autocast(device_type, enabled=False):
            return function(*_upcast(args), **_upcast(kwargs))

    return wrapper
