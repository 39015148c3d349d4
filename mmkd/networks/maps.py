"""Feature maps that follow each other through a network, from a record of a forward."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from torch import nn

from mmkd.networks.recording import Record, Run, Value
from mmkd.networks.taps import Tap

STAGES = 4
# Minimum number of equal blocks in a row that count as the depth of a network, as in plain
# transformers.
LONG = 8
# Factor between the numbers of positions of two resolutions. A class token changes the number by
# less.
OTHER = 2.0
# A part that divides the number of positions by this factor halves height and width more than once:
# one halving divides it by 4, or a little more with rounding.
HALVING = 7.0


@dataclass(frozen=True)
class Map:
    """Feature map or token grid that a module gives.

    Attributes:
        tap: Tap of the map.
        value: Tensor of the map: (N, C, H, W), (N, H, W, C) or (N, L, C).
        layers: Number of layers with weight matrices in the module.
    """

    tap: Tap
    value: Value
    layers: int

    @property
    def positions(self) -> int:
        """Number of positions of the map."""
        return positions(self.value.shape, self.value.shape[0]) or 0


def positions(shape: Sequence[int], batch: int) -> int | None:
    """Return the number of positions of a map or token grid, or ``None`` for other tensors."""
    if len(shape) not in (3, 4) or shape[0] != batch:
        return None
    if len(shape) == 3:
        return None if shape[2] == 1 else shape[1]  # (N, C, 1) is a pooled feature
    _, first, second, third = shape
    channels_last = first == second != third
    return first * second if channels_last else second * third


class MapFinder:
    """Search for the maps of one recorded forward.

    A part of the network that keeps the resolution, or halves it, counts as one: its output is a
    map that the next part reads, and its inner maps do not count. In any other part the maps of its
    children count.

    Args:
        network: The network.
        record: Record of a forward on square images.
        batch: Number N of images in that forward.
        parts: Children of the network that are searched; by default all.
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
        """Return the maps with more than one position, in the order of their computation."""
        found: list[Map] = []
        for run in self._children.get(-1, []):
            for one in self._of(run):
                known = any(one.value == other.value for other in found)
                if not known and not (found and _transposed(found[-1].value, one.value)):
                    found.append(one)
        return [one for one in found if one.positions > 1]

    def stages(self) -> list[Map]:
        """Return the last map of each of the deepest resolutions, or of every quarter of the depth.

        A resolution counts if a block of two or more layers works at it, so that the resolution of
        a stem does not count. If no two resolutions have blocks, single layers count. A network
        with a long row of equal blocks and fewer than three resolutions is cut into quarters of
        this row.
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
        """Return the maps of the longest row of sibling modules that give the same shape."""
        rows: dict[tuple[str, tuple[int, ...]], list[Map]] = {}
        for run in self._runs:
            match = re.fullmatch(r"((?:.*\.)?(?:\w+_)?)\d+", run.path)
            for one in self._outputs(run) if match else ():
                if match and one.positions > 1:
                    rows.setdefault((match[1], one.value.shape), []).append(one)
        return max(rows.values(), key=len, default=[])

    def _of(self, run: Run) -> Iterator[Map]:
        children = self._children.get(run.start, [])
        if children and self._is_passed(run, children):
            for child in children:
                if not _splits_heads(run, child):
                    yield from self._of(child)
        yield from self._outputs(run)

    def _outputs(self, run: Run) -> Iterator[Map]:
        if run.path in self._once:
            for items, value in run.output.items():
                if positions(value.shape, self._batch) is not None:
                    yield Map(Tap(run.path, items=items), value, self._layers(run))

    def _is_passed(self, run: Run, children: Sequence[Run]) -> bool:
        """Return whether the maps of a run's children count besides its output."""
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


def _splits_heads(run: Run, child: Run) -> bool:
    """Return whether a child gives tokens (N, L, C) of a run as (N, heads, L, C / heads).

    Layers inside of an attention do, and their outputs are no maps.
    """
    tokens = [value.shape[1:] for value in run.taken if len(value.shape) == 3]
    heads = [value.shape[1:] for value in child.output.values() if len(value.shape) == 4]
    return any(
        length in (1, taken) and count * width == channels
        for count, length, width in heads
        for taken, channels in tokens
    )


def _transposed(first: Value, second: Value) -> bool:
    """Return whether tokens (N, L, C) occur again as (N, C, L), which is no grid of C positions."""
    (_, *shape), (_, *other) = first.shape, second.shape
    return len(shape) == 2 and shape != other and shape == other[::-1]


def _levels(maps: Sequence[Map]) -> list[list[Map]]:
    """Group maps by resolution, from the finest to the coarsest, each group in order of time."""
    levels: list[list[Map]] = []
    for one in sorted(maps, key=lambda one: one.positions, reverse=True):
        if levels and levels[-1][0].positions < OTHER * one.positions:
            levels[-1].append(one)
        else:
            levels.append([one])
    return [[one for one in maps if one in level] for level in levels]
