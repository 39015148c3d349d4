"""Stopping a run in which distillation silently does nothing, or goes wrong."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from mmkd.distillers import BaseDistiller, Step
from mmkd.hooks.mean_teacher_hook import mean_teachers
from mmkd.hooks.model import distiller_of
from mmkd.networks.taps import flat
from mmkd.registry import HOOKS

LISTED = 5
FLOAT16_SCALE = 2**16


class StepCheckError(RuntimeError):
    """A term of the objective, or a loss, is not what it must be for training to make sense."""


@HOOKS.register_module()
class StepCheckHook(Hook):
    """Check each term in the first iteration in which it acts, and every loss in all of them.

    A term that finds nothing to act on, such as no object in any image, is checked later. It
    must be finite, must not be zero, and must reach the student with a gradient. Later a loss or a
    weight that is not finite ends the run before a spoilt checkpoint replaces a good one.

    Where a teacher is the student's average, see :class:`mmkd.hooks.MeanTeacherHook`, the terms are
    checked from the second iteration on: in the first the two are the same.
    """

    priority = "HIGH"

    def __init__(self) -> None:
        self._checked: set[str] = set()
        self._handle: RemovableHandle | None = None

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        distiller = distiller_of(runner)
        if distiller is None or (runner.iter == 0 and mean_teachers(runner)):
            return
        if self._checked != set(distiller.terms):
            self._handle = distiller.observe(lambda step: self._check(distiller, step))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
        losses = {k: v for k, v in (outputs or {}).items() if "loss" in k and isinstance(v, Tensor)}
        _check_finite(runner, losses)
        if _saves_after_iteration(runner):
            _check_finite(runner, dict(runner.model.named_parameters()))

    def after_train_epoch(self, runner: Runner) -> None:
        _check_finite(runner, dict(runner.model.named_parameters()))

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        _check_finite(runner, dict(runner.model.named_parameters()))

    def _check(self, distiller: BaseDistiller, step: Step) -> None:
        for name, output in step.terms.items():
            if name not in self._checked and not output.empty:
                taps = flat(distiller.terms[name].student_taps)
                caught = step.features[step.trained.get(name, "student")]
                read = [caught[tap] for tap in taps]
                _check_term(name, step.losses[f"loss_{name}"], read)
                self._checked.add(name)


def _saves_after_iteration(runner: Runner) -> bool:
    """Tell whether a checkpoint is written after this iteration."""
    return any(
        hook.every_n_train_iters(runner, hook.interval, hook.save_begin)
        or (hook.save_last and hook.is_last_train_iter(runner))
        for hook in runner.hooks
        if isinstance(hook, CheckpointHook) and not hook.by_epoch
    )


def _check_finite(runner: Runner, values: Mapping[str, Tensor]) -> None:
    """Raise if a loss or weight is not finite; one look at the device, unless one is not."""
    if not values or torch.stack([v.detach().isfinite().all() for v in values.values()]).all():
        return
    broken = sorted(name for name, value in values.items() if not value.isfinite().all())
    iteration = runner.message_hub.get_info("iter") + 1
    raise StepCheckError(
        f"Not finite after iteration {iteration}: {', '.join(broken[:LISTED])}. The run was "
        "stopped; its last checkpoint is from before. Lower the learning rate, clip gradients "
        "(optim_wrapper.clip_grad), or look for broken inputs."
    )


def _check_term(name: str, loss: Tensor, features: list[Tensor]) -> None:
    """Raise if a term is not finite, is zero, or has no gradient on the student."""
    problem = None
    if not loss.isfinite():
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
            f"The term {name!r} cannot train the student: loss_{name} {problem}. (This is checked "
            "where a term first acts; remove mmkd.StepCheckHook to train nevertheless.)"
        )


def _reaches(loss: Tensor, features: list[Tensor]) -> bool:
    """Tell whether the loss has a non-zero finite gradient at a tensor of the student."""
    sources = [feature for feature in features if feature.requires_grad]
    if not sources or not loss.requires_grad:
        return False
    # In float16 a small gradient is zero until it is scaled, as a gradient scaler will do.
    return any(_has_gradient(scale * loss, sources) for scale in (1, FLOAT16_SCALE))


def _has_gradient(loss: Tensor, sources: list[Tensor]) -> bool:
    gradients = torch.autograd.grad(loss, sources, retain_graph=True, allow_unused=True)
    found = [gradient for gradient in gradients if gradient is not None]
    return any(bool(g.isfinite().all()) and bool(g.count_nonzero()) for g in found)
