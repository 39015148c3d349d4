"""Last part of a teacher, which classifies another feature."""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from mmkd.networks.dry_run import device_of
from mmkd.networks.taps import Tap
from mmkd.teachers.teacher import Teacher


class TeacherHead:
    """Modules of a teacher that turn its feature into its logits.

    Like the teacher the head is in eval mode, and its parameters get no gradient; the feature does.

    Args:
        name: The teacher's name, for errors.
        teacher: The teacher.
        modules: Paths of the modules, which run one after another, such as
            ``['neck', 'head.fc']``.
        feature_shape: Shape of the teacher's feature that the first module takes.
        logits_shape: Shape of the teacher's logits.

    Raises:
        ValueError: If a module does not exist, or they do not lead from the feature to the logits.
    """

    def __init__(
        self,
        name: str,
        teacher: Teacher,
        modules: Sequence[str],
        feature_shape: tuple[int, ...],
        logits_shape: tuple[int, ...],
    ) -> None:
        self.teacher, self.modules = teacher, tuple(modules)
        for path in modules:
            Tap(path).check(teacher.network)
        chain = " -> ".join(modules)
        try:
            logits = self(torch.zeros(feature_shape, device=device_of(teacher.network)))
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"The modules {chain} of teacher {name!r} cannot take its feature of shape "
                f"{feature_shape}: {error} Name every module between the tap and the logits."
            ) from error
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        if found != tuple(logits_shape):
            raise ValueError(
                f"The modules {chain} of teacher {name!r} turn its feature into {found}, and its "
                f"logits have shape {tuple(logits_shape)}: the last module must give the logits."
            )

    def __call__(self, feature: Tensor) -> Tensor:
        """Return the logits, (N, C), of a feature of the teacher's shape, which gets a gradient."""
        self.teacher.network.eval()
        given = self.teacher.dtype
        off = nullcontext() if given is None else torch.autocast(feature.device.type, enabled=False)
        output = feature if given is None else feature.to(given)
        with off:
            for path in self.modules:
                output = self.teacher.network.get_submodule(path)(output)
        return output
