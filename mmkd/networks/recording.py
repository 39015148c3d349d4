"""Record of the tensors that a network's modules take and give in one forward."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

Items = tuple[int | None, ...]


@dataclass(frozen=True)
class Value:
    """Tensor of a forward at one moment; an operation in place turns it into another value.

    Attributes:
        number: Number of the tensor in the forward.
        version: Number of changes in place before that moment.
        shape: Shape of the tensor.
    """

    number: int
    version: int
    shape: tuple[int, ...] = field(compare=False)


@dataclass
class Run:
    """One run of a module in a forward.

    Attributes:
        path: Path of the module.
        start: Time of the start, on a clock that counts starts and ends.
        end: Time of the end.
        given: Values among the positional arguments, by the items that a tap would name.
        keywords: Values among the keyword arguments.
        packed: Whether the module took its only tensor in a tuple; ``None`` if it took anything
            else.
        output: Values in the output, by the items that a tap would name.
    """

    path: str
    start: int
    given: dict[Items, Value]
    keywords: list[Value]
    packed: bool | None
    end: int = -1
    output: dict[Items, Value] = field(default_factory=dict)

    @property
    def taken(self) -> list[Value]:
        """All values that the module took."""
        return [*self.given.values(), *self.keywords]


class Record:
    """Runs of a network's modules in a forward, in the order of their ends.

    Tensors are distinguished by their identity and are not kept, so that the record of a large
    network is small.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self._numbers = WeakIdKeyDictionary()
        self._count = itertools.count()

    def value(self, tensor: Tensor) -> Value:
        """Return the current value of a tensor."""
        if tensor not in self._numbers:
            self._numbers[tensor] = next(self._count)
        return Value(self._numbers[tensor], tensor._version, tuple(tensor.shape))

    def values(self, value: Any) -> dict[Items, Value]:
        """Return the tensors in nested tuples and lists, by the items that a tap would name."""
        return {items: self.value(tensor) for items, tensor in _located(value)}


def _located(value: Any, items: Items = ()) -> Iterator[tuple[Items, Tensor]]:
    # A value that is alone in a tuple or list is named as if the tuple or list were not there.
    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, Tensor):
        yield items, value
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _located(item, (*items, number))


@contextmanager
def recording(network: nn.Module) -> Iterator[Record]:
    """Record each run of a network's modules, except the network itself."""
    record, running, clock = Record(), list[Run](), itertools.count()

    def begin(path: str, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        given, keywords = record.values(args), [*record.values([*kwargs.values()]).values()]
        alone = len(args) == len(given) == 1 and not kwargs
        packed = not isinstance(args[0], Tensor) if alone else None
        running.append(Run(path, next(clock), given, keywords, packed))

    def end(module: nn.Module, args: Any, output: Any) -> None:
        run = running.pop()
        run.end, run.output = next(clock), record.values(output)
        record.runs.append(run)

    handles = []
    for path, module in network.named_modules():
        if path:
            before = partial(begin, path)
            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(module.register_forward_hook(end))
    try:
        yield record
    finally:
        for handle in handles:
            handle.remove()
