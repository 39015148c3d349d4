"""Teacher whose tensors come from a store."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.networks.manner import manner_of
from mmkd.networks.roles import ROLES, Roles
from mmkd.networks.taps import Tap
from mmkd.store.manifest import StoreError, TeacherEntry, feature_name
from mmkd.store.stored_logits import StoredLogits
from mmkd.teachers import Teacher

Read = Callable[[Any], Mapping[str, Tensor]]


class Skeleton(nn.Module):
    """Network of empty modules, which has only the module paths of a store's tensors.

    Args:
        name: Name of the teacher.
        taps: Taps of the tensors.
    """

    def __init__(self, name: str, taps: Sequence[Tap]) -> None:
        super().__init__()
        self.name, self.taps = name, taps
        for tap in taps:
            module: nn.Module = self
            for part in tap.path.split("."):
                if part not in module._modules:
                    module.add_module(part, nn.Module())
                module = module._modules[part] or module

    def get_submodule(self, target: str) -> nn.Module:
        """Return the module at a path.

        Raises:
            StoreError: If the store has no tensor at that path.
        """
        if not any(f"{tap.path}.".startswith(f"{target}.") for tap in self.taps):
            raise StoreError(
                f"A term reads {target!r} of the teacher {self.name!r}, and the store holds "
                f"{', '.join(repr(str(tap)) for tap in self.taps)} of it. Build a store with "
                "`store build --features`, train with the teacher itself, or without the term."
            )
        return super().get_submodule(target)


class StoredTeacher(Teacher):
    """Replacement of a teacher that reads a store; no network is built or loaded.

    Args:
        name: Name of the teacher.
        entry: Entry of the teacher in the store's manifest.
        read: Function that returns the logits (N, C), the entropies (N, E) if they are used, and
            the features (N, ...) that terms read, for a batch's data samples.
        entropies: Temperature and eps of each of the E entropies.
    """

    def __init__(
        self, name: str, entry: TeacherEntry, read: Read, entropies: Sequence[tuple[float, float]]
    ) -> None:
        self.tap = Tap.parse(entry.tap)
        self.shapes: dict[Tap, Sequence[int]] = {self.tap: [entry.classes]}
        self.shapes.update({Tap.parse(tap): shape for tap, shape in entry.features.items()})
        self.network = Skeleton(name, [*self.shapes])
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
        """Do nothing: the store compares its preprocessing with the student's elsewhere."""

    def accelerate(self, inputs: Tensor, taps: Collection[Tap]) -> None:
        """Do nothing: there is no network to run."""

    def predict(self, inputs: Tensor, data_samples: list[Any]) -> list[Any]:
        raise StoreError(
            f"The teacher {self.name!r} comes from a store, which holds its logits for training "
            "samples alone: it cannot predict. Remove predict_teachers, or the store."
        )

    def find_roles(self, name: str, inputs: Tensor) -> Roles:
        """Return the roles of the teacher's network; only tensors in the store can be read."""
        tap, shape, entry = self.tap, tuple(inputs.shape), self.entry
        found = {role: [*map(Tap.parse, taps)] for role, taps in entry.roles.items()}
        found = {"logits": [tap], **found}
        held = ", ".join(map(str, self.shapes))
        reason = (
            f"the teacher {name!r} comes from a store, which holds {held} alone "
            "(`store build --features` keeps more)"
        )
        missing = {role: reason for role in ROLES if role not in found}
        shapes: dict[Tap, tuple[int, ...]]
        shapes = {one: (len(inputs), *own) for one, own in self.shapes.items()}
        seen = [f"{one} {own}" for one, own in shapes.items()]
        who, error = f"teacher {name!r}", self._other_size(inputs)
        return Roles(who, "store", shape, found, shapes, missing, seen, error)

    def _other_size(self, inputs: Tensor) -> str | None:
        """Return why the features do not belong to inputs (N, C, H, W) of this shape."""
        own = tuple(self.entry.input_shape)
        if not own or own == tuple(inputs.shape[1:]):
            return None
        return f"the store's features are those of inputs of shape {own}"

    def expand(self, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, list[Tap]]:
        """Return the taps in the store for which each tap with ``[:]`` stands."""
        return {tap: [one for one in self.shapes if _stands_for(tap, one)] for tap in taps}

    def example(self, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, Tensor]:
        if (error := self._other_size(inputs)) is not None:
            raise StoreError(error)
        return {tap: torch.zeros(len(inputs), *self.shapes[tap]) for tap in taps}

    @torch.no_grad()
    def __call__(
        self,
        inputs: Tensor,
        data_samples: Any,
        taps: Collection[Tap],
        rois: Sequence[Tensor] = (),
    ) -> dict[Tap, Tensor]:
        """Return the stored logits (N, C) and features (N, ...), for a batch's data samples."""
        columns = self._read(data_samples)
        found = {}
        for tap in taps:
            name = "logits" if tap == self.tap else feature_name(tap)
            found[tap] = columns[name].to(inputs.device, non_blocking=True).float()
        if "entropies" in columns and self.tap in found:
            values = columns["entropies"].float().to(inputs.device, non_blocking=True)
            known = zip(self._entropies, values.unbind(1), strict=True)
            found[self.tap] = StoredLogits.of(found[self.tap], dict(known))
        return found


def _stands_for(short: Tap, tap: Tap) -> bool:
    """Return whether a tap with ``[:]`` stands for another one."""
    same = replace(short, items=tap.items) == tap and len(short.items) == len(tap.items)
    return same and all(a in (None, b) for a, b in zip(short.items, tap.items, strict=True))
