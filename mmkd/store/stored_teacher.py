"""A teacher whose logits come from a store."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.networks.manner import manner_of
from mmkd.networks.taps import Tap
from mmkd.store.manifest import StoreError, TeacherEntry
from mmkd.store.stored_logits import StoredLogits
from mmkd.teachers import Teacher

Read = Callable[[Any], Mapping[str, Tensor]]


def skeleton(path: str) -> nn.Module:
    """Return modules without anything in them that have one path."""
    network = module = nn.Module()
    for name in path.split("."):
        module.add_module(name, nn.Module())
        module = module.get_submodule(name)
    return network


class StoredTeacher(Teacher):
    """Stands in for a teacher: no network is built or loaded.

    Args:
        name: The teacher's name.
        entry: What the store says of it.
        read: Returns the logits (N, C), and the entropies (N, E) if they are to be used, of the
            batch of some data samples.
        entropies: Temperature and eps of each of the E entropies.
    """

    def __init__(
        self, name: str, entry: TeacherEntry, read: Read, entropies: Sequence[tuple[float, float]]
    ) -> None:
        self.network = skeleton(Tap.parse(entry.tap).path)
        self.manner = manner_of(self.network)
        self.class_map = None
        self.name, self.entry = name, entry
        self._read, self._entropies = read, entropies

    @property
    def altered_by(self) -> list[str]:
        return []

    def _apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Do nothing: there is no network to be moved."""

    def follow(self, device: torch.device) -> None:
        """Do nothing: logits are given on the device of the inputs."""

    def match_preprocessing(self, name: str, student: nn.Module) -> None:
        """Do nothing: the store was built with the student's preprocessing, which is compared."""

    def accelerate(self, inputs: Tensor, taps: Collection[Tap]) -> None:
        """Do nothing: there is no network to be run."""

    def expand(self, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, list[Tap]]:
        raise self._logits_only(taps)

    def predict(self, inputs: Tensor, data_samples: list[Any]) -> list[Any]:
        raise StoreError(
            f"The teacher {self.name!r} comes from a store, which holds its logits for training "
            "samples alone: it cannot predict. Remove predict_teachers, or the store."
        )

    def example(self, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, Tensor]:
        self._check(taps)
        return {tap: torch.zeros(len(inputs), self.entry.classes) for tap in taps}

    @torch.no_grad()
    def __call__(
        self,
        inputs: Tensor,
        data_samples: Any,
        taps: Collection[Tap],
        rois: Sequence[Tensor] = (),
    ) -> dict[Tap, Tensor]:
        """Return the stored logits (N, C) at the tap of the logits, for a batch's data samples."""
        self._check(taps)
        columns = self._read(data_samples)
        logits = columns["logits"].to(inputs.device, non_blocking=True)
        if "entropies" in columns:
            values = columns["entropies"].float().to(inputs.device, non_blocking=True)
            known = zip(self._entropies, values.unbind(1), strict=True)
            logits = StoredLogits.of(logits, dict(known))
        return dict.fromkeys(taps, logits)

    def _check(self, taps: Collection[Tap]) -> None:
        if any(str(tap) != self.entry.tap for tap in taps):
            raise self._logits_only(taps)

    def _logits_only(self, taps: Collection[Tap]) -> StoreError:
        return StoreError(
            f"A term reads {', '.join(map(str, taps))} of the teacher {self.name!r}, and the "
            f"store holds its logits alone, '{self.entry.tap}'. Train with the teacher itself, or "
            "without the terms on features."
        )
