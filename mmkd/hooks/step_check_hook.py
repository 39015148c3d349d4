"""Hook that stops a run in which distillation silently does nothing."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from mmkd.distillers import BaseDistiller, Step
from mmkd.hooks.diagnosis import RANDOM_WEIGHTS, is_finite
from mmkd.hooks.mean_teacher_hook import mean_teachers
from mmkd.hooks.model import distillers_of
from mmkd.networks.taps import flat
from mmkd.registry import HOOKS

FLOAT16_SCALE = 2**16
# Logits of trained networks are below 100; a softmax of numbers as large as this is 0 or 1.
LARGE = 1e4


class StepCheckError(RuntimeError):
    """Error for a term of the objective that cannot train the student."""


@HOOKS.register_module()
class StepCheckHook(Hook):
    """Check each term in the first iteration in which it acts.

    A term that compares nothing in an iteration, for example because no image has an object, is
    checked later. The term's loss must be finite, must not be zero, and must give the student a
    non-zero gradient. Later non-finite values are detected by :class:`mmkd.hooks.FiniteGuardHook`.

    If a teacher is the student's average, see :class:`mmkd.hooks.MeanTeacherHook`, the terms are
    checked from the second iteration on: in the first iteration both networks are the same.

    Raises:
        StepCheckError: If a term fails the check. The message names the term and the reason.
    """

    priority = "HIGH"

    def __init__(self) -> None:
        self._checked: set[str] = set()
        self._handles: list[RemovableHandle] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == 0 and mean_teachers(runner):
            return
        for name, distiller in distillers_of(runner).items():
            prefix = f"{name}/" if name else ""
            if not self._checked >= {f"{prefix}{term}" for term in distiller.terms}:
                check = partial(self._check, prefix, distiller)
                self._handles.append(distiller.observe(check))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        while self._handles:
            self._handles.pop().remove()

    def _check(self, prefix: str, distiller: BaseDistiller, step: Step) -> None:
        for name, output in step.terms.items():
            if f"{prefix}{name}" not in self._checked and not output.empty:
                term, student = distiller.terms[name], step.trained.get(name, "student")
                # The tensor from which a term runs a head need not be the one that it compares.
                caught = step.features[student]
                read = [caught[tap] for tap in term.taps["student"] if tap in caught]
                compared = [caught[tap] for tap in flat(term.student_taps)]
                others = {
                    other: [tensors[tap] for tap in flat(taps) if tap in tensors]
                    for other, taps in term.teacher_taps.items()
                    if (tensors := step.features.get(other, {}))
                }
                size = _excess({student: compared, **others})
                _check_term(prefix, name, step.losses[f"loss_{name}"], read, size)
                self._checked.add(f"{prefix}{name}")


def _excess(features: Mapping[str, list[Tensor]]) -> str | None:
    """Return a message about numbers that are too large for a loss, by network, or ``None``."""
    for name, tensors in features.items():
        if not all(map(is_finite, tensors)):
            return f"the outputs of {name!r} overflow: they are not finite. {RANDOM_WEIGHTS}"
    for name, tensors in features.items():
        largest = max((float(x.detach().abs().max()) for x in tensors if x.numel()), default=0.0)
        if largest > LARGE:
            return (
                f"the outputs of {name!r} are as large as {largest:.1e}, more than a softmax can "
                f"tell apart. {RANDOM_WEIGHTS}"
            )
    return None


def _check_term(
    prefix: str, name: str, loss: Tensor, features: list[Tensor], excess: str | None
) -> None:
    """Raise if a term is not finite, is zero, or has no gradient on the student.

    Args:
        prefix: ``'<member>/'`` of a cohort, otherwise empty.
        name: Name of the term.
        loss: Loss of the term.
        features: Tensors of the student that the term reads.
        excess: The message about outputs that are too large, or ``None``.
    """
    problem = None
    if excess is not None and (not loss.isfinite() or loss == 0):
        problem = f"is {loss.item()}: {excess}"
    elif not loss.isfinite():
        problem = (
            f"is {loss.item()}: look at the teacher's output (do its weights and input fit?) and "
            "at the term's temperature"
        )
    elif loss == 0:
        problem = (
            "is exactly zero: are student and teacher the same, or does a tap or a weight of zero "
            "cut the term off?"
        )
    elif not _reaches(loss, features):
        problem = "gives the student no gradient: its taps lie in a frozen or detached part"
    if problem is not None:
        raise StepCheckError(
            f"The term {prefix + name!r} cannot train the student: {prefix}loss_{name} {problem}. "
            "(This is checked where a term first acts; remove mmkd.StepCheckHook to train "
            "nevertheless.)"
        )


def _reaches(loss: Tensor, features: list[Tensor]) -> bool:
    """Return whether the loss has a non-zero finite gradient at a tensor of the student."""
    sources = [feature for feature in features if feature.requires_grad]
    if not sources or not loss.requires_grad:
        return False
    # In float16 small gradients are zero unless the loss is scaled, as a gradient scaler does.
    return any(_has_gradient(scale * loss, sources) for scale in (1, FLOAT16_SCALE))


def _has_gradient(loss: Tensor, sources: list[Tensor]) -> bool:
    gradients = torch.autograd.grad(loss, sources, retain_graph=True, allow_unused=True)
    found = [gradient for gradient in gradients if gradient is not None]
    return any(bool(g.isfinite().all()) and bool(g.count_nonzero()) for g in found)
