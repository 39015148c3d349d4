"""Histories of logged values that are copied to the host asynchronously, and read later."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.logging import HistoryBuffer, MessageHub
from torch import Tensor

from mmkd.hooks.delivery import Delivery

HELD = 100  # maximum number of unread values; older ones have certainly arrived


class LateHistory(HistoryBuffer):
    """MMEngine's history of a logged value, whose newest values may not have been read yet.

    Readers get the same values as from MMEngine's own history. Copies of this object, such as those
    in checkpoints, have MMEngine's class.

    Args:
        known: The history that this one continues.
    """

    def __init__(self, known: HistoryBuffer) -> None:
        self._waiting: deque[tuple[Delivery, str]] = deque()
        self._values: Any = None
        self._counts: Any = None
        super().__init__(*known.data, known.max_length)

    def add(self, delivery: Delivery, name: str) -> None:
        """Append the value ``name`` of a delivery; it is read later."""
        self._waiting.append((delivery, name))
        if len(self._waiting) > HELD:
            self._settle(len(self._waiting) - HELD)

    def _settle(self, number: int) -> None:
        """Append the oldest waiting values to the history."""
        waiting = [self._waiting.popleft() for _ in range(number)]
        if values := [delivery.read()[name] for delivery, name in waiting]:
            self._values = np.append(self._values, values)[-self.max_length :]
            self._counts = np.append(self._counts, [1] * number)[-self.max_length :]

    @property
    def _log_history(self) -> Any:
        self._settle(len(self._waiting))
        return self._values

    @_log_history.setter
    def _log_history(self, values: Any) -> None:
        self._values = values

    @property
    def _count_history(self) -> Any:
        self._settle(len(self._waiting))
        return self._counts

    @_count_history.setter
    def _count_history(self, counts: Any) -> None:
        self._counts = counts

    def __reduce_ex__(self, protocol: Any) -> Any:
        return HistoryBuffer, (*self.data, self.max_length)


def log_late(hub: MessageHub, scalars: Mapping[str, Any]) -> None:
    """Log scalars under ``train/``; tensors are not read before the log is read.

    Args:
        hub: The message hub.
        scalars: Numbers, or tensors of one element, by name.
    """
    late = {name: value for name, value in scalars.items() if isinstance(value, Tensor)}
    delivery = Delivery(late) if late else None
    for name, value in scalars.items():
        key = f"train/{name}"
        history = hub.log_scalars.get(key)
        if delivery is None or name not in late or history is None:
            hub.update_scalar(key, value)
            continue
        if not isinstance(history, LateHistory):
            history = hub.log_scalars[key] = LateHistory(history)
        history.add(delivery, name)
