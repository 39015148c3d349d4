"""Teacher whose logits come from a store."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.networks.manner import manner_of
from mmkd.networks.roles import ROLES, Roles
from mmkd.networks.taps import Tap
from mmkd.store.manifest import StoreError, TeacherEntry
from mmkd.store.stored_logits import StoredLogits
from mmkd.teachers import Teacher

Read = Callable[[Any], Mapping[str, Tensor]]


class Skeleton(nn.Module):
    """Empty modules that have only the path at which a store's logits lie."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__()
        self.name, self.path = name, path
        module: nn.Module = self
        for part in path.split("."):
            module.add_module(part, nn.Module())
            module = module._modules[part] or module

    def get_submodule(self, target: str) -> nn.Module:
        """Return the module at a path.

        Raises:
            StoreError: If the store has no tensor at that path.
        """
        if target != self.path and not self.path.startswith(f"{target}."):
            raise StoreError(
                f"A term reads {target!r} of the teacher {self.name!r}, and the store holds its "
                f"logits alone, {self.path!r}. Train with the teacher itself, or without the terms "
                "on features."
            )
        return super().get_submodule(target)


class StoredTeacher(Teacher):
    """Replacement of a teacher, without a network that is built or loaded.

    Args:
        name: Name of the teacher.
        entry: Entry of the teacher in the store's manifest.
        read: Function that returns the logits (N, C), and the entropies (N, E) if they are used,
            for a batch's data samples.
        entropies: Temperature and eps of each of the E entropies.
    """

    def __init__(
        self, name: str, entry: TeacherEntry, read: Read, entropies: Sequence[tuple[float, float]]
    ) -> None:
        self.network = Skeleton(name, Tap.parse(entry.tap).path)
        self.manner = manner_of(self.network)
        self.class_map = None
        self.name, self.entry = name, entry
        self._read, self._entropies = read, entropies

    @property
    def altered_by(self) -> list[str]:
        return []

    @property
    def mixes_samples(self) -> bool:
        return False

    def _apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Do nothing: there is no network to move."""

    def follow(self, device: torch.device) -> None:
        """Do nothing: logits are put on the device of the inputs."""

    def match_preprocessing(
        self, name: str, student: nn.Module, loaded_bgr: bool | None = None
    ) -> None:
        """Do nothing: the store was built with the student's preprocessing, which is compared."""

    def accelerate(self, inputs: Tensor, taps: Collection[Tap]) -> None:
        """Do nothing: there is no network to run."""

    def predict(self, inputs: Tensor, data_samples: list[Any]) -> list[Any]:
        raise StoreError(
            f"The teacher {self.name!r} comes from a store, which holds its logits for training "
            "samples alone: it cannot predict. Remove predict_teachers, or the store."
        )

    def find_roles(self, name: str, inputs: Tensor) -> Roles:
        """Return the only role of the store: the logits."""
        tap = Tap.parse(self.entry.tap)
        shape = len(inputs), self.entry.classes
        reason = f"the teacher {name!r} comes from a store, which holds its logits alone"
        missing = {role: reason for role in ROLES if role != "logits"}
        who, seen = f"teacher {name!r}", [f"{tap} {shape}"]
        found = {"logits": [tap]}
        return Roles(who, "store", tuple(inputs.shape), found, {tap: shape}, missing, seen)

    def example(self, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, Tensor]:
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
        columns = self._read(data_samples)
        logits = columns["logits"].to(inputs.device, non_blocking=True)
        if "entropies" in columns:
            values = columns["entropies"].float().to(inputs.device, non_blocking=True)
            known = zip(self._entropies, values.unbind(1), strict=True)
            logits = StoredLogits.of(logits, dict(known))
        return dict.fromkeys(taps, logits)
