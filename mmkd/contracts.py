"""Contracts of the parts of an objective.

Each Protocol states the arguments and results of a part, and the attributes that it may declare. A
part without an attribute has the default in :class:`Traits`. :func:`traits_of` is the only place
that reads these attributes, so that parts from elsewhere (``torch.nn``, mmdet) work too.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

from torch import Tensor, nn


class Loss(Protocol):
    """Loss between tensors of the student and of one teacher.

    A loss may take the keyword arguments ``labels`` (N,), ``weight`` (N,), ``avg_factor`` (a
    number), ``data_samples``, ``inputs`` (N, ...) (the student's) and ``boxes`` (a pair, those of
    student and teacher, (N, 4) each); a term passes those that the loss's ``forward`` names. It may
    declare ``needs_labels``, ``relational``, ``weighable``, ``same_shape``, ``needs_boxes``,
    ``compares_deltas``, ``views`` and ``activation``, and have the methods of
    :class:`AdaptsToShapes`, :class:`AttachesNetworks`, :class:`FollowsStages` and
    :class:`MasksPatches`.
    """

    def __call__(self, student: Any, teacher: Any, **arguments: Any) -> Tensor:
        """Return the loss, 0-dim, of logits (N, C), a feature (N, ...) or a list of features."""


class AdaptsToShapes(Protocol):
    """Loss that builds trainable parts, or checks the shapes, when its term is built."""

    def adapt(self, student_shapes: Sequence[Any], teacher_shapes: Sequence[Any]) -> None:
        """Build the parts for features of these shapes, (N, ...) each."""


class AttachesNetworks(Protocol):
    """Loss that reads parts of the networks, such as the teacher's classifier."""

    def attach(self, student: nn.Module, teacher: Any, classifiers: Mapping[str, str]) -> None:
        """Read the student and the :class:`mmkd.teachers.Teacher`, when the term is built.

        Args:
            student: The student.
            teacher: The teacher.
            classifiers: Paths of the modules that give the logits, by ``'student'`` and
                ``'teacher'``. A network whose logits are several tensors is left out.
        """


class FollowsStages(Protocol):
    """Loss that runs the networks on from their stages."""

    def follow(self, student: Any, teacher: Any) -> None:
        """Take the :class:`mmkd.losses.fcfd.stages.Stages` of both networks."""


class MasksPatches(Protocol):
    """Loss that runs the student once more, on images with masked patches."""

    def mask(self, patches: Any) -> None:
        """Take the :class:`mmkd.networks.masked_patches.MaskedPatches` of the student.

        It is ``None`` if the student has none.
        """


class SampleWeight(Protocol):
    """Weight of samples. It may declare ``needs_labels``, ``detach`` and ``activation``."""

    def __call__(self, student_logits: Tensor, teacher_logits: Tensor, **arguments: Any) -> Tensor:
        """Return the weight of each sample, (N,), from raw logits (N, C); ``labels`` if needed."""


class TeacherWeight(Protocol):
    """Weight of K teachers. It may declare ``needs_labels``, ``detach`` and ``activation``."""

    def __call__(
        self, student_logits: Tensor, teacher_logits: Sequence[Tensor], labels: Tensor | None = None
    ) -> Tensor:
        """Return the weight of each teacher for each sample, (K, N), from K raw logits (N, C)."""


class LossTeacherWeight(Protocol):
    """Weight of K teachers that declares ``reads_losses``: it reads their losses, not logits."""

    def __call__(self, losses: Tensor) -> Tensor:
        """Return the weight of each teacher for each sample, (K, N), from their losses (K, N)."""


class SampleChoice(Protocol):
    """Choice of the samples that enter a term. It may declare ``reads_teacher``, ``activation``."""

    def __call__(
        self, student_logits: Sequence[Tensor], teacher_logits: Sequence[Tensor]
    ) -> Tensor | None:
        """Return the indices of the samples, ascending, (k,), or ``None`` for all.

        The arguments are raw logits (N, C) by teacher: those of the student over the classes that
        both have, and the teacher's, or none if they are not read.
        """


class LogitTransform(Protocol):
    """Change of logits before the temperature. ``needs_target`` fits it to the teacher's output."""

    def __call__(self, logits: Tensor, *fitted: Any) -> Tensor:
        """Return logits (N, C).

        With ``needs_target`` the further arguments are the log-probabilities of the target (N, C)
        and the temperature.
        """


class Temperature(Protocol):
    """Temperature computed from logits. ``per_sample`` declares a separate one for each sample."""

    def __call__(
        self, student_logits: Tensor, teacher_logits: Tensor
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return a 0-dim tensor or a tensor (N,), from both logits (N, C).

        A pair of these gives the student's temperature and the teacher's.
        """


class Target(Protocol):
    """Adjustment of the teacher's output. It may declare ``needs_labels``."""

    def __call__(self, log_probabilities: Tensor, labels: Tensor | None) -> Tensor:
        """Return log-probabilities (N, C) from the teacher's, (N, C), and the labels (N,)."""


@dataclass(frozen=True)
class Traits:
    """Declarations of a part about itself.

    Attributes:
        accepts: Names of the arguments that its ``forward`` takes.
        needs_labels: Whether the part needs class indices. A loss that does not declare this needs
            them if it takes them.
        needs_target: Whether a transform is fitted to the target.
        per_sample: Whether a temperature differs from sample to sample.
        relational: Whether a loss compares relations between samples, as a whole or in part.
        weighable: Whether a relational loss has a part that a sample weight multiplies.
        same_shape: Whether a loss needs features of equal shapes, so that a connector comes first.
        needs_boxes: Whether a loss needs ground-truth boxes.
        compares_deltas: Whether a loss compares encoded boxes.
        detach: Whether no gradient flows through a weight.
        reads_losses: Whether a teacher weight is computed from the teachers' losses.
        reads_teacher: Whether a choice of samples reads the teachers' logits. If not, the teachers
            of classifiers run on the chosen samples only.
        activation: ``'softmax'`` or ``'sigmoid'``, if the part applies one, which must then be that
            of the student's head.
        views: Number of views of each image that a loss expects in a batch.
        reduction: The reduction of a loss over samples, ``'mean'`` or ``'sum'``.
        adapts: Whether a loss builds trained parts from shapes.
        attaches: Whether a loss reads parts of the networks.
        follows: Whether a loss runs the networks on from their stages.
        masks: Whether a loss runs the student on masked patches.
    """

    accepts: frozenset[str] = frozenset()
    needs_labels: bool = False
    needs_target: bool = False
    per_sample: bool = False
    relational: bool = False
    weighable: bool = False
    same_shape: bool = False
    needs_boxes: bool = False
    compares_deltas: bool = False
    detach: bool = True
    reads_losses: bool = False
    reads_teacher: bool = True
    activation: str | None = None
    views: int | None = None
    reduction: str = "mean"
    adapts: bool = False
    attaches: bool = False
    follows: bool = False
    masks: bool = False


# Traits that a loss has by having a method.
_METHODS = dict(adapts="adapt", attaches="attach", follows="follow", masks="mask")


def traits_of(part: nn.Module) -> Traits:
    """Return the declarations of a part, with defaults for those that it lacks."""
    declared = {
        field.name: getattr(part, field.name)
        for field in fields(Traits)
        if hasattr(part, field.name)
    }
    declared["accepts"] = frozenset(inspect.signature(part.forward).parameters)
    for trait, method in _METHODS.items():
        declared[trait] = hasattr(part, method)
    return Traits(**declared)


def traits_of_loss(loss: nn.Module) -> Traits:
    """Return the declarations of a loss; those that it lacks follow from its ``forward``.

    A loss that takes labels needs them, and a loss that takes no weight has no loss of single
    samples.
    """
    traits = traits_of(loss)
    if not hasattr(loss, "needs_labels"):
        traits = replace(traits, needs_labels="labels" in traits.accepts)
    return traits if "weight" in traits.accepts else replace(traits, relational=True)
