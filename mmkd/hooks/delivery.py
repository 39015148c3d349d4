"""Asynchronous copies of numbers from a device to the host."""

from collections.abc import Mapping

import torch
from torch import Tensor


class Delivery:
    """An asynchronous copy of numbers to the host.

    A plain read of a number on a GPU waits until the GPU has done all work in its queue. This class
    queues the copy behind the present work, and :meth:`read` waits for the copy alone. One step
    later the copy has usually arrived.

    Args:
        numbers: Tensors of one element, by name.
    """

    def __init__(self, numbers: Mapping[str, Tensor]) -> None:
        self._names = [*numbers]
        flat = [number.detach().reshape(()) for number in numbers.values()]
        device = next((number.device for number in flat if number.is_cuda), flat[0].device)
        together = torch.stack([number.to(device, non_blocking=True) for number in flat])
        self._host = together.to("cpu", non_blocking=together.is_cuda)  # into pinned memory
        self._arrived: torch.cuda.Event | None = None
        if together.is_cuda:
            self._arrived = torch.cuda.Event()
            self._arrived.record()
        self._values: dict[str, float] | None = None

    def read(self) -> dict[str, float]:
        """Return the numbers by name; wait for the copy if it has not arrived."""
        if self._values is None:
            if self._arrived is not None:
                self._arrived.synchronize()
            self._values = dict(zip(self._names, self._host.tolist(), strict=True))
        return self._values
