"""What every choice of the places where two detectors are compared shares."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.networks.taps import Tap

Shape = tuple[int, ...]
Maps = Sequence[Tensor]


@dataclass(frozen=True)
class Side:
    """A network in a comparison, as a dry run found it.

    Attributes:
        network: The network.
        taps: Of its outputs, such as the logits of each level.
        shapes: Shape at each of these taps.
        inputs: The batch (N, C, H, W) of the dry run.
    """

    network: nn.Module
    taps: Sequence[Tap]
    shapes: Sequence[Shape]
    inputs: Tensor


@dataclass(frozen=True)
class Selection:
    """Which places are compared in a step, R of them.

    Attributes:
        rows: By network, which rows of its flattened outputs they are, shape (R,). The rows of all
            networks belong together one by one.
        labels: Class index at each place, shape (R,), where it is known.
        avg_factor: What a mean over them divides by in place of R.
    """

    rows: Mapping[str, Tensor]
    labels: Tensor | None = None
    avg_factor: float | None = None


class Locations(ABC):
    """Base class: turns outputs of detectors into rows, and selects those to compare.

    Attributes:
        reads_logits: Whether places are selected by the logits.
        needs_labels: Whether a teacher must have all classes of the student.
        averages: Whether a selection says what a mean divides by.
        labels: Where the student assigns labels while it trains, if this is read.
    """

    reads_logits: bool
    averages = False
    needs_labels = False
    labels: Tap | None = None

    def taps(self, network: str) -> list[Tap]:
        """Return what is read of a network besides its logits and the term's own taps."""
        return []

    @abstractmethod
    def check(self, term: str, name: str, network: nn.Module) -> None:
        """Raise ``ValueError`` if a network is none of those whose outputs are understood."""

    @abstractmethod
    def fit(self, term: str, sides: Mapping[str, Side], labels: Tap | None) -> None:
        """Learn what the outputs of the networks are.

        Args:
            term: The term's name, for errors.
            sides: By ``'student'`` and the names of the teachers.
            labels: The term's tap of labels, if it gives one.

        Raises:
            ValueError: In words, if the places of the networks cannot be put side by side.
        """

    @abstractmethod
    def flatten(self, network: str, outputs: Maps) -> Tensor:
        """Return outputs of a network as rows, one for each place that there is, (rows, D)."""

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
            logits: Flattened logits (rows, C) by network, over the classes that are shared, if
                ``reads_logits``.
            extras: What taps caught by network, those of :meth:`taps` among them.
            labels: What the tap of the labels caught.
            data_samples: The batch's data samples.
        """

    def logits(self, network: str, outputs: Maps) -> Tensor:
        """Return class outputs of a network as rows of logits, (rows, C)."""
        return self.flatten(network, outputs)

    def shape(self, network: str, shapes: Sequence[Shape], logits: bool = False) -> Shape:
        """Return the shape (rows, D) that outputs, or logits, of the given shapes have as rows."""
        outputs = [torch.empty(shape, device="meta") for shape in shapes]
        read = self.logits if logits else self.flatten
        return tuple(read(network, outputs).shape)
