"""The feature maps that follow each other through a network, from a record of a forward."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from torch import nn

from mmkd.networks.recording import Record, Run, Value
from mmkd.networks.taps import Tap

STAGES = 4
# So many like blocks in a row are the depth of a network, as of plain transformers.
LONG = 8
# Numbers of positions differ by this factor between resolutions. A class token adds less.
OTHER = 2.0
# A halving of height and width leaves a quarter of the positions, and rounding a little less.
HALVING = 7.0


@dataclass(frozen=True)
class Map:
    """A feature map or token grid that a module gives.

    Attributes:
        tap: Where it is.
        value: What it is: (N, C, H, W), (N, H, W, C) or (N, L, C).
        layers: How many layers with weight matrices the module has.
    """

    tap: Tap
    value: Value
    layers: int

    @property
    def positions(self) -> int:
        """How many positions it has."""
        return positions(self.value.shape, self.value.shape[0]) or 0


def positions(shape: Sequence[int], batch: int) -> int | None:
    """Return how many positions a map or token grid has, or ``None`` for other tensors."""
    if len(shape) not in (3, 4) or shape[0] != batch:
        return None
    if len(shape) == 3:
        return None if shape[2] == 1 else shape[1]  # (N, C, 1) is pooled
    _, first, second, third = shape
    channels_last = first == second != third
    return first * second if channels_last else second * third


class MapFinder:
    """Finds the maps of one recorded forward.

    A part of the network that leaves the resolution as it is, or halves it, counts as one: of
    such a part the output is a map that the next one reads, and what happens inside is its affair.
    Of any other part the maps of its children count.

    Args:
        network: The network.
        record: Of a forward on square images.
        batch: Number of images N of that forward.
        parts: Children of the network in which maps are looked for; by default all.
    """

    def __init__(
        self, network: nn.Module, record: Record, batch: int, parts: Collection[str] | None = None
    ) -> None:
        self._network, self._batch = network, batch
        counts = Counter(run.path for run in record.runs)
        self._once = {path for path, count in counts.items() if count == 1}
        inside = [
            run for run in record.runs if parts is None or run.path.partition(".")[0] in parts
        ]
        self._runs = inside
        self._children: dict[int, list[Run]] = {}
        opened: list[Run] = []
        for run in sorted(inside, key=lambda run: run.start):
            while opened and opened[-1].end < run.start:
                opened.pop()
            self._children.setdefault(opened[-1].start if opened else -1, []).append(run)
            opened.append(run)

    def maps(self) -> list[Map]:
        """Return the maps in the order in which they are made, none of them of one position."""
        found: list[Map] = []
        for run in self._children.get(-1, []):
            for one in self._of(run):
                known = any(one.value == other.value for other in found)
                if not known and not (found and _transposed(found[-1].value, one.value)):
                    found.append(one)
        return [one for one in found if one.positions > 1]

    def stages(self) -> list[Map]:
        """Return the last map of each of the deepest resolutions, or of every quarter of the depth.

        A resolution counts if a block, of two layers or more, works at it, so that a stem's does
        not. Where no two resolutions have blocks, single layers count. A network with a long row of
        like blocks and fewer than three resolutions is cut into quarters of this row.
        """
        levels, row = _levels(self.maps()), self._row()
        long = len(row) >= LONG and all(one.layers > 1 for one in row)
        for layers in (2, 1):
            worked = [level for level in levels if any(one.layers >= layers for one in level)]
            if len(worked) > (2 if long else 1):
                return [level[-1] for level in worked[-STAGES:]]
        ends = {ceil(len(row) * quarter / STAGES) - 1 for quarter in range(1, STAGES + 1)}
        return [row[end] for end in sorted(ends)] if row else [level[-1] for level in levels]

    def _row(self) -> list[Map]:
        """Return the maps of the longest row of modules side by side that give the same shape."""
        rows: dict[tuple[str, tuple[int, ...]], list[Map]] = {}
        for run in self._runs:
            match = re.fullmatch(r"(?:(.*)\.)?\d+", run.path)
            for one in self._outputs(run) if match else ():
                if match and one.positions > 1:
                    rows.setdefault((match[1] or "", one.value.shape), []).append(one)
        return max(rows.values(), key=len, default=[])

    def _of(self, run: Run) -> Iterator[Map]:
        children = self._children.get(run.start, [])
        if children and self._is_passed(run, children):
            for child in children:
                yield from self._of(child)
        yield from self._outputs(run)

    def _outputs(self, run: Run) -> Iterator[Map]:
        if run.path in self._once:
            for items, value in run.output.items():
                if positions(value.shape, self._batch) is not None:
                    yield Map(Tap(run.path, items=items), value, self._layers(run))

    def _is_passed(self, run: Run, children: Sequence[Run]) -> bool:
        """Tell whether the maps of a run's children count besides its output."""
        before, after = self._size(run.taken), self._size([*run.output.values()])
        if before is None or after is None or len(run.output) > 1:
            return True
        if before < OTHER * after:
            return False
        return before >= HALVING * after or any(
            self._layers(child) > 1
            and self._size(child.taken) == self._size([*child.output.values()]) == before
            for child in children
        )

    def _size(self, values: Sequence[Value]) -> int | None:
        sizes = [positions(value.shape, self._batch) for value in values]
        return next((size for size in sizes if size is not None), None)

    def _layers(self, run: Run) -> int:
        module = self._network.get_submodule(run.path)
        return sum(parameter.dim() > 1 for parameter in module.parameters())


def _transposed(first: Value, second: Value) -> bool:
    """Tell whether tokens (N, L, C) come again as (N, C, L), which is no grid of C positions."""
    (_, *shape), (_, *other) = first.shape, second.shape
    return len(shape) == 2 and shape != other and shape == other[::-1]


def _levels(maps: Sequence[Map]) -> list[list[Map]]:
    """Group maps by resolution, from the finest to the coarsest, each in the order of time."""
    levels: list[list[Map]] = []
    for one in sorted(maps, key=lambda one: one.positions, reverse=True):
        if levels and levels[-1][0].positions < OTHER * one.positions:
            levels[-1].append(one)
        else:
            levels.append([one])
    return [[one for one in maps if one in level] for level in levels]
