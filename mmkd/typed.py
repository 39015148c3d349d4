"""Bases under which the type checker finds misspelt attributes.

``nn.Module`` answers every attribute by ``__getattr__``, and MMEngine's ``BaseModel`` has no types:
for a type checker each misspelt name would exist. These bases are the plain classes at run time.
"""

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:

    class TypedModule(nn.Module):
        """A module without attributes that nobody declared."""

        __getattr__: None  # type: ignore[assignment,misc]

    class TypedModel(TypedModule):
        """What mmkd uses of MMEngine's ``BaseModel``."""

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

__all__ = ["TypedModel", "TypedModule"]
