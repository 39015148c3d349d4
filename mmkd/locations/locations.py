"""Base class of the selection of places at which two networks are compared."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.networks.taps import Tap, Taps
from mmkd.teachers import Teacher

Features = Mapping[str, Mapping[Tap, Tensor]]
Shape = tuple[int, ...]
Maps = Sequence[Tensor]


@dataclass(frozen=True)
class Side:
    """Network in a comparison, with the results of a dry run.

    Attributes:
        network: The network.
        taps: Taps of its outputs, such as the logits of each level.
        shapes: Shape at each of these taps.
        inputs: The batch (N, C, H, W) of the dry run.
        teacher: The teacher that runs the network, if it is a teacher's.
    """

    network: nn.Module
    taps: Sequence[Tap]
    shapes: Sequence[Shape]
    inputs: Tensor
    teacher: Teacher | None = None


@dataclass(frozen=True)
class Selection:
    """The R places that are compared in a step.

    Attributes:
        rows: Indices of these places in the rows of each network's flattened outputs, by network,
            shape (R,). The rows of all networks correspond one by one.
        labels: Class index at each place, shape (R,), if it is known; or its box's overlap.
        avg_factor: Divisor of a mean over the places in place of R.
        boxes: The box at each place, (R, 4), by network, if they are known.
    """

    rows: Mapping[str, Tensor]
    labels: Tensor | None = None
    avg_factor: float | None = None
    boxes: Mapping[str, Tensor] | None = None

    def only(self, kept: Tensor) -> "Selection":
        """Return the selection of the places ``kept``, (k,); the divisor shrinks in proportion."""
        count = len(self.rows["student"])
        boxes = self.boxes
        return replace(
            self,
            rows={name: rows.index_select(0, kept) for name, rows in self.rows.items()},
            boxes=boxes and {name: box.index_select(0, kept) for name, box in boxes.items()},
            labels=None if self.labels is None else self.labels.index_select(0, kept),
            avg_factor=None if self.avg_factor is None else self.avg_factor * len(kept) / count,
        )


class Locations(ABC):
    """Base class: turns outputs of networks into rows, and selects the rows to compare.

    Attributes:
        reads_logits: Whether places are selected by the logits.
        needs_labels: Whether a teacher must have all classes of the student.
        averages: Whether a selection sets the divisor of a mean.
        labels: Tap at which the student assigns labels during training, if it is read.
        gives_boxes: Whether a selection has the boxes at its places.
    """

    reads_logits: bool
    averages = False
    needs_labels = False
    labels: Tap | None = None
    gives_boxes = False

    def taps(self, network: str) -> list[Tap]:
        """Return the taps of a network to read besides its logits and the term's taps."""
        return []

    @abstractmethod
    def check(self, term: str, name: str, network: nn.Module) -> None:
        """Raise ``ValueError`` if this class cannot handle the outputs of a network."""

    @abstractmethod
    def fit(self, term: str, sides: Mapping[str, Side], labels: Tap | None) -> None:
        """Examine the outputs of the networks, and prepare their comparison.

        Args:
            term: The term's name, for errors.
            sides: The networks, by ``'student'`` and the names of the teachers.
            labels: The term's tap of labels, if it has one.

        Raises:
            ValueError: If the places of the networks cannot be put side by side.
        """

    def expand(self, short: Mapping[str, Mapping[Tap, Taps]]) -> None:  # noqa: B027
        """Replace short taps among :meth:`taps` by those that they stand for, given by network."""

    def predicted(self, features: Features, data_samples: Any) -> Features:
        """Return the tensors at taps by network; a subclass may replace the predictions."""
        return features

    @abstractmethod
    def flatten(self, network: str, outputs: Maps) -> Tensor:
        """Return outputs of a network as rows, one for each place, (rows, D)."""

    @abstractmethod
    def select(
        self,
        student: Tensor,
        logits: Mapping[str, Tensor],
        extras: Mapping[str, Mapping[Tap, Tensor]],
        labels: Tensor | None,
        data_samples: Any,
    ) -> Selection:
        """Select the rows to compare in this step.

        Args:
            student: Flattened outputs (rows, D) of the student.
            logits: Flattened logits (rows, C) by network, over the shared classes, if
                ``reads_logits``.
            extras: Tensors at taps by network, including those of :meth:`taps`.
            labels: Value at the tap of the labels.
            data_samples: The batch's data samples.
        """

    def logits(self, network: str, outputs: Maps) -> Tensor:
        """Return class outputs of a network as rows of logits, (rows, C)."""
        return self.flatten(network, outputs)

    def shape(self, network: str, shapes: Sequence[Shape], logits: bool = False) -> Shape:
        """Return the shape (rows, D) of outputs, or logits, of these shapes, as rows."""
        outputs = [torch.empty(shape, device="meta") for shape in shapes]
        read = self.logits if logits else self.flatten
        return tuple(read(network, outputs).shape)


def title(name: str) -> str:
    """Return a network's name in errors: ``student``, or ``teacher`` and its name."""
    return name if name == "student" else f"teacher {name!r}"


def check_no_labels(term: str, labels: Tap | None, compared: str) -> None:
    """Raise ``ValueError`` if a term has labels, though its places have labels of their own.

    Args:
        term: The term's name.
        labels: The term's tap of labels, if it has one.
        compared: Description of the places and their labels.
    """
    if labels is not None:
        raise ValueError(f"The term {term!r} compares {compared}: remove its `labels`.")


def check_one_map(term: str, name: str, side: Side, compared: str, remedy: str) -> None:
    """Raise ``ValueError`` unless a network is tapped at one tensor of 4 dimensions.

    Args:
        term: The term's name.
        name: Name of the network.
        side: The network.
        compared: Description of the tensor.
        remedy: Sentence that says what to tap.
    """
    if len(side.taps) != 1 or len(side.shapes[0]) != 4:
        raise ValueError(
            f"The term {term!r} compares {compared}, but of the {title(name)} it taps "
            f"{', '.join(map(str, side.taps))} with shapes {[*side.shapes]}. {remedy}"
        )
