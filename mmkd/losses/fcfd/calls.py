"""Which modules lead from one tensor of a forward to a later one."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from mmkd.networks.taps import Tap


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors in a value or in nested tuples and lists."""
    if isinstance(value, Tensor):
        return [value]
    items = value if isinstance(value, list | tuple) else ()
    return [tensor for item in items for tensor in tensors_in(item)]


@dataclass
class Run:
    """One run of a module in a forward.

    Attributes:
        path: Path of the module.
        start: When it began, on a clock that counts beginnings and ends.
        end: When it ended.
        given: The tensors that it took.
        packed: Whether it took its only tensor in a tuple; ``None`` where it took anything else.
        output: The tensors that it gave.
    """

    path: str
    start: int
    given: list[Tensor]
    packed: bool | None
    end: int = -1
    output: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Call:
    """A module that turns one tensor into one tensor.

    Attributes:
        path: Path of the module.
        packed: Whether it takes a tuple with the tensor.
    """

    path: str
    packed: bool

    def __call__(self, network: nn.Module, feature: Tensor) -> Tensor:
        """Run the network's module on a feature."""
        output = network.get_submodule(self.path)((feature,) if self.packed else feature)
        [tensor] = tensors_in(output)
        return tensor


class NoChainError(ValueError):
    """A network is not modules that run one after another, between two of its tensors."""


@contextmanager
def recording(network: nn.Module) -> Iterator[list[Run]]:
    """Record each run of a network's modules, in the order in which they end."""
    runs, running, clock = list[Run](), list[Run](), itertools.count()

    def begin(path: str, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        given = tensors_in([*args, *kwargs.values()])
        alone = len(args) == len(given) == 1 and not kwargs
        packed = not isinstance(args[0], Tensor) if alone else None
        running.append(Run(path, next(clock), given, packed))

    def end(module: nn.Module, args: Any, output: Any) -> None:
        run = running.pop()
        run.end, run.output = next(clock), tensors_in(output)
        runs.append(run)

    handles = []
    for path, module in network.named_modules():
        if path:
            before = partial(begin, path)
            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(module.register_forward_hook(end))
    try:
        yield runs
    finally:
        for handle in handles:
            handle.remove()


def chain(
    runs: Sequence[Run], first: tuple[Tap, Tensor], last: tuple[Tap, Tensor]
) -> tuple[Call, ...]:
    """Find the modules that, one after another, lead from one tap's tensor to another's.

    The way is followed backwards, by the identity of the tensors that modules take and give. Of
    modules inside each other the outermost one is taken in which the first tap does not lie.

    Args:
        runs: Of a forward.
        first: Where it begins: a tap with its tensor of this forward.
        last: Where it ends.

    Raises:
        NoChainError: In words, if there is no such chain.
    """
    (tap, begin), (goal, target) = first, last
    made, limit = _time(runs, tap, begin), _time(runs, goal, target)
    calls: list[Call] = []
    taker = f"'{goal}'"
    while True:
        makers = [run for run in runs if run.start > made and run.end <= limit]
        makers = [run for run in makers if any(out is target for out in run.output)]
        if not makers:
            break
        run = max(makers, key=lambda run: run.end)
        if run.packed is None or len(run.output) != 1:
            raise NoChainError(
                f"{run.path!r} runs between '{tap}' and '{goal}', and takes or gives more than one "
                "tensor"
            )
        calls.append(Call(run.path, run.packed))
        [target], limit, taker = run.given, run.start, repr(run.path)
    if target is not begin or not calls:
        raise NoChainError(
            f"what {taker} takes behind '{tap}' is not the output of a module, or '{tap}' lies "
            f"beside or behind '{goal}'"
        )
    return tuple(reversed(calls))


def _time(runs: Sequence[Run], tap: Tap, tensor: Tensor) -> float:
    """Return when a tap's tensor was there: at the end of its module, or just before it began."""
    [run] = [run for run in runs if run.path == tap.path]
    return run.start - 0.5 if tap.input else run.end
