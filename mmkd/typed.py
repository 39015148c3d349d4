"""Base classes and decorators that let the type checker detect misspelt attributes.

``nn.Module`` looks up every attribute by ``__getattr__``, and MMEngine's ``BaseModel`` has no
types, so that a type checker would accept each misspelt name. At run time these bases are the plain
classes.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

Function = TypeVar("Function")
Key = TypeVar("Key")
OrderedSet = dict[Key, None]  # the keys of a dict keep the order of their insertion

if TYPE_CHECKING:

    class TypedModule(nn.Module):
        """A module without undeclared attributes."""

        __getattr__: None  # type: ignore[assignment,misc]

    class TypedModel(TypedModule):
        """The part of MMEngine's ``BaseModel`` that mmkd uses."""

        data_preprocessor: Any

        def __init__(self, data_preprocessor: Any = None, init_cfg: Any = None) -> None: ...
        def init_weights(self) -> None: ...
        def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]: ...
        def val_step(self, data: Any) -> list[Any]: ...
        def test_step(self, data: Any) -> list[Any]: ...
        def parse_losses(self, losses: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]: ...

else:
    from mmengine.model import BaseModel as TypedModel

    TypedModule = nn.Module


def uncompiled(function: Function) -> Function:
    """Exclude a function, and all that it calls, from ``torch.compile`` of the calling code.

    Modules inside that were compiled separately stay compiled.
    """
    disabled: Function = torch.compiler.disable(function)
    return disabled


def itself_uncompiled(function: Function) -> Function:
    """Exclude a function from ``torch.compile``, but not the functions that it calls."""
    disabled: Function = torch.compiler.disable(function, recursive=False)
    return disabled


__all__ = ["TypedModel", "TypedModule", "itself_uncompiled", "uncompiled"]
