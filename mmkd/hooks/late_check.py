"""Losses and gradients of a step that are read one step later, and a copy of its old weights."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.hooks.delivery import Delivery
from mmkd.hooks.diagnosis import is_finite

LOSS, GRADIENT = "loss of ", "gradient of "


@dataclass
class PastStep:
    """A step that has been taken.

    Attributes:
        iteration: Its iteration, from 0.
        batch: Its batch from the data loader.
        losses: Its losses by name.
        gradients: Largest absolute value of the checked gradients, by optimizer.
    """

    iteration: int
    batch: Any
    losses: dict[str, float]
    gradients: dict[str, float]

    def finite(self, start: str = "", optimizers: Iterable[str] | None = None) -> bool:
        """Return whether the numbers are finite, of all or of one member of a cohort.

        Args:
            start: Only losses whose names begin with this, such as ``'<member>/'``.
            optimizers: Only gradients of the optimizers with these names, by default of all.
        """
        of = self.gradients if optimizers is None else optimizers
        losses = [value for name, value in self.losses.items() if name.startswith(start)]
        return all(map(math.isfinite, [*losses, *(self.gradients.get(name, 0.0) for name in of)]))


class LateCheck:
    """Numbers of a step, which are read one step later, and the weights from before that step.

    The host takes the step before it knows whether the numbers are finite, so that it need not wait
    for the device. If they are not, :meth:`undo` restores the weights.
    """

    def __init__(self) -> None:
        self._gradients: dict[str, Tensor] = {}
        self._weights: dict[str, tuple[list[Tensor], list[Tensor]]] = {}
        self._sent: tuple[int, Any, Delivery] | None = None

    @torch.no_grad()
    def note(self, name: str, weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Note gradients that an optimizer is about to use, and keep its weights.

        Args:
            name: Name of the optimizer.
            weights: The weights that it changes.
            gradients: The gradients to look at.
        """
        if gradients:
            sizes = torch._foreach_norm([g.detach() for g in gradients], math.inf)
            self._gradients[name] = sizes[0] if len(sizes) == 1 else torch.stack(sizes).amax()
        if name not in self._weights:
            own = [weight.detach() for weight in weights]
            self._weights[name] = own, [torch.empty_like(weight) for weight in own]
        own, kept = self._weights[name]
        torch._foreach_copy_(kept, own)

    def send(self, iteration: int, batch: Any, losses: Mapping[str, Tensor]) -> None:
        """Start the copy of an iteration's numbers to the host."""
        numbers = {f"{LOSS}{name}": value for name, value in losses.items()}
        numbers |= {f"{GRADIENT}{name}": value for name, value in self._gradients.items()}
        self._gradients = {}
        self._sent = (iteration, batch, Delivery(numbers)) if numbers else None

    def take(self) -> PastStep | None:
        """Return the step whose numbers were sent last; ``None`` if it was already returned."""
        if self._sent is None:
            return None
        (iteration, batch, delivery), self._sent = self._sent, None
        numbers = delivery.read()
        losses, gradients = (
            {k.removeprefix(kind): v for k, v in numbers.items() if k.startswith(kind)}
            for kind in (LOSS, GRADIENT)
        )
        return PastStep(iteration, batch, losses, gradients)

    @torch.no_grad()
    def undo(self, model: nn.Module, optimizers: Iterable[str]) -> list[str]:
        """Restore the weights from before the last step of each named optimizer.

        Returns:
            Names of the model's weights that these steps had made non-finite.
        """
        before = {name for name, value in model.named_parameters() if not is_finite(value)}
        for name in optimizers:
            own, kept = self._weights[name]
            torch._foreach_copy_(own, kept)
        return [
            name for name, value in model.named_parameters() if name in before and is_finite(value)
        ]
