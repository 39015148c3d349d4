"""Which modules lead from one tensor of a forward to a later one."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mmkd.networks.recording import Record, Run
from mmkd.networks.taps import Tap


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
        while not isinstance(output, Tensor):
            [output] = output
        return output


class NoChainError(ValueError):
    """A network is not modules that run one after another, between two of its tensors."""


def chain(record: Record, first: tuple[Tap, Tensor], last: tuple[Tap, Tensor]) -> tuple[Call, ...]:
    """Find the modules that, one after another, lead from one tap's tensor to another's.

    The way is followed backwards, by the identity of the tensors that modules take and give. Of
    modules inside each other the outermost one is taken in which the first tap does not lie.

    Args:
        record: Of a forward.
        first: Where it begins: a tap with its tensor of this forward.
        last: Where it ends.

    Raises:
        NoChainError: In words, if there is no such chain.
    """
    (tap, begin), (goal, target) = [(tap, record.value(tensor)) for tap, tensor in (first, last)]
    made, limit = _time(record.runs, tap), _time(record.runs, goal)
    calls: list[Call] = []
    taker = f"'{goal}'"
    while True:
        makers = [run for run in record.runs if run.start > made and run.end <= limit]
        makers = [run for run in makers if target in run.output.values()]
        if not makers:
            break
        run = max(makers, key=lambda run: run.end)
        if run.packed is None or len(run.output) != 1:
            raise NoChainError(
                f"{run.path!r} runs between '{tap}' and '{goal}', and takes or gives more than one "
                "tensor"
            )
        calls.append(Call(run.path, run.packed))
        [target], limit, taker = run.taken, run.start, repr(run.path)
    if target != begin or not calls:
        raise NoChainError(
            f"what {taker} takes behind '{tap}' is not the output of a module, or '{tap}' lies "
            f"beside or behind '{goal}'"
        )
    return tuple(reversed(calls))


def _time(runs: Sequence[Run], tap: Tap) -> float:
    """Return when a tap's tensor was there: at the end of its module, or just before it began."""
    [run] = [run for run in runs if run.path == tap.path]
    return run.start - 0.5 if tap.input else run.end
