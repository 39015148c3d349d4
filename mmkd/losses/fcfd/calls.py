"""Chains of modules that lead from one tensor of a forward to a later one."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mmkd.networks.recording import Record, Run
from mmkd.networks.taps import Tap


@dataclass(frozen=True)
class Call:
    """Call of a module that turns one tensor into one tensor.

    Attributes:
        path: Path of the module.
        packed: Whether the module takes a tuple that holds the tensor.
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
    """Error for two tensors of a network that no chain of modules links."""


def chain(record: Record, first: tuple[Tap, Tensor], last: tuple[Tap, Tensor]) -> tuple[Call, ...]:
    """Find the modules that, one after another, lead from one tap's tensor to another's.

    The chain is followed backwards, by the identity of the tensors that modules take and give.
    Among nested modules the outermost one that does not contain the first tap is taken.

    Args:
        record: Record of a forward.
        first: Start of the chain: a tap with its tensor of this forward.
        last: End of the chain, likewise.

    Raises:
        NoChainError: If there is no such chain; the message says why.
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
    """Return when a tap's tensor existed: at the end of its module, or just before its start."""
    [run] = [run for run in runs if run.path == tap.path]
    return run.start - 0.5 if tap.input else run.end
