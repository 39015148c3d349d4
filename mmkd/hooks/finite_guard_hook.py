"""Hook that detects non-finite numbers before they spoil a run, and names their origin."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner, weights_to_cpu
from torch import Tensor
from torch.optim import Optimizer

from mmkd.distillers import Cohort
from mmkd.hooks.diagnosis import RANDOM_WEIGHTS, first_broken, is_finite, listed
from mmkd.hooks.late_check import LateCheck, PastStep
from mmkd.hooks.model import cohort_of, model_of
from mmkd.registry import HOOKS

POLICIES = ("stop", "skip")
ASIDE = "put_aside"  # key of a checkpoint


class NonFiniteError(RuntimeError):
    """Error for a loss, gradient, weight or buffer that is not finite."""


@HOOKS.register_module()
class FiniteGuardHook(Hook):
    """Stop a run, or skip a step, if a number is not finite, and never save such weights.

    Losses are checked in each iteration. Gradients are checked just before the optimizer uses them:
    the first parameter's in each iteration, and those of all parameters in every ``interval``-th
    iteration. (A non-finite loss makes all gradients non-finite, so that one of them reveals it.)
    Parameters and buffers are checked before each checkpoint. Buffers that are not finite before
    training, such as a mask of minus infinity, are not checked.

    If a member of a cohort is not finite, it is put aside: the hook logs a warning, the member is
    not trained any more, and the others continue. The run stops when no member is left.

    On a GPU these numbers are read one iteration later, or before that at the end of an epoch,
    before a validation or before a checkpoint, so that the host need not wait for the GPU. For this
    a copy of the weights from before the last step is kept on the GPU. If the numbers of that step
    are not finite, the copy is restored first.

    In several processes gradients are averaged over all processes before the check, so that all
    processes get the same result.

    A step that a gradient scaler leaves out, because gradients overflow at its scale, is no error.
    The number of such steps is logged at the end, and is the message hub's ``overflowed_steps``.

    Args:
        policy: ``'stop'`` to end the run, or ``'skip'`` to continue without the step: its gradients
            are dropped and its changes of buffers are undone. With ``'skip'`` all gradients are
            checked in each iteration.
        limit: Number of consecutive skipped steps after which the run stops, for ``'skip'``.
        interval: Iterations between two checks of all gradients, for ``'stop'``.
        late: Whether to read the numbers of an iteration in the next one, for ``'stop'``; by
            default on a GPU only.

    Raises:
        NonFiniteError: The message says in which iteration, and what became non-finite first: the
            weights, an input and its file, a teacher, the student, a term's loss, or gradients
            alone.
        ValueError: If an argument is out of range, or ``late`` is set for ``'skip'``.
    """

    priority = "HIGH"

    def __init__(
        self, policy: str = "stop", limit: int = 5, interval: int = 50, late: bool | None = None
    ) -> None:
        if policy not in POLICIES or limit < 1 or interval < 1:
            raise ValueError(
                f"FiniteGuardHook needs a policy of {POLICIES}, a limit and an interval of at "
                f"least 1, not {policy!r}, {limit} and {interval}."
            )
        if late and policy == "skip":
            raise ValueError(
                "FiniteGuardHook cannot skip a step whose numbers it reads late: leave out `late`."
            )
        self.policy, self.limit, self.late = policy, limit, late
        self.interval = 1 if policy == "skip" else interval
        self.skipped = self.overflowed = 0
        self._in_a_row = 0
        self._found = self._stepped = False
        self._check: LateCheck | None = None
        self._batch: Any = None
        self._from_the_start: set[str] = set()
        self._buffers: list[Tensor] | None = None

    def before_train(self, runner: Runner) -> None:
        state = model_of(runner).state_dict()
        parameters = dict(model_of(runner).named_parameters())
        broken = {name for name, value in state.items() if not is_finite(value)}
        if spoilt := sorted(broken & parameters.keys()):
            raise NonFiniteError(
                f"Weights are not finite before training: {listed(spoilt)}. Look at load_from, "
                "init_cfg or the checkpoint that is resumed."
            )
        self._from_the_start = broken
        on_gpu = next(model_of(runner).parameters()).is_cuda
        if self.late or (self.late is None and self.policy == "stop" and on_gpu):
            self._check = LateCheck()
        for name, optimizer in _optimizers(runner.optim_wrapper):
            before = partial(self._before_step, runner, name)
            optimizer.register_step_pre_hook(lambda used, *_, before=before: before(used))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self._batch, self._found, self._stepped = data_batch, False, False
        if self.policy == "skip" and self._buffers is None and cohort_of(runner) is None:
            self._buffers = [buffer.clone() for buffer in model_of(runner).buffers()]

    def _before_step(self, runner: Runner, name: str, optimizer: Optimizer) -> None:
        """Check the gradients that an optimizer is about to use; drop them if it must not."""
        self._stepped = True
        every = runner.iter % self.interval == 0
        if self._check is not None:
            self._look(runner)
            if (cohort := cohort_of(runner)) is None or name not in cohort.aside:
                weights = [p for group in optimizer.param_groups for p in group["params"]]
                gradients = _gradients(optimizer) if every else islice(_gradients(optimizer), 1)
                self._check.note(name, weights, [*gradients])
                return
        else:
            first = optimizer.param_groups[0]["params"][0].grad
            if not every and first is not None and math.isfinite(float(first.sum())):
                return
            if _all_finite([*_gradients(optimizer)]):
                if not self._found:
                    self._in_a_row, self._buffers = 0, None
                return
            self._react(runner, name, PastStep(runner.iter, self._batch, {}, {}))
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None  # optimizers ignore a parameter without a gradient

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        losses = {key: value for key, value in (outputs or {}).items() if "loss" in key}
        if self._check is not None:
            self._look(runner)  # no optimizer has done so if it accumulates gradients
            self._check.send(runner.iter, data_batch, losses)
        elif "loss" in losses and not math.isfinite(float(losses["loss"].detach())):
            values = {name: float(value.detach()) for name, value in losses.items()}
            self._look_at(runner, PastStep(runner.iter, data_batch, values, {}))
        self._batch = None
        wrapper = runner.optim_wrapper
        if not self._stepped and hasattr(wrapper, "loss_scaler") and wrapper.should_update():
            self.overflowed += 1
            runner.message_hub.update_info("overflowed_steps", self.overflowed)

    def after_train_epoch(self, runner: Runner) -> None:
        self._look(runner)

    def before_val_epoch(self, runner: Runner) -> None:
        self._look(runner)

    def after_train(self, runner: Runner) -> None:
        self._look(runner)
        if self.overflowed:
            runner.logger.info(f"The gradient scaler has left out {self.overflowed} steps.")

    def _look(self, runner: Runner) -> None:
        """Read the numbers of the last iteration, if they have not been read yet."""
        step = None if self._check is None else self._check.take()
        if step is not None and not step.finite():
            self._look_at(runner, step)

    def _look_at(self, runner: Runner, step: PastStep) -> None:
        """React to non-finite numbers of an iteration in which no optimizer step can be prevented.

        Either there was no step, or a gradient scaler has left it out, or it has been taken.
        """
        cohort = cohort_of(runner)
        if cohort is None:
            if not self._found:
                self._react(runner, "", step)
            return
        for name in cohort.active:
            start = f"{name}/"
            if not step.finite(start, [name]):
                own = {
                    k.removeprefix(start): v for k, v in step.losses.items() if k.startswith(start)
                }
                self._react(runner, name, replace(step, losses=own))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        cohort = cohort_of(runner)
        if cohort is not None and runner._resume:
            for name in checkpoint.get(ASIDE, []):
                cohort.put_aside(name)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        self._look(runner)
        state, given_up = checkpoint["state_dict"], tuple[str, ...]()
        if (cohort := cohort_of(runner)) is not None:
            checkpoint[ASIDE] = [*cohort.aside]
            if given_up := tuple(f"{name}." for name in cohort.aside):
                now = weights_to_cpu(cohort.state_dict())  # the state was taken before the look
                state.update({key: now[key] for key in state if key.startswith(given_up)})
        broken = [
            name
            for name, value in state.items()
            if name not in self._from_the_start
            and not name.startswith(given_up)
            and not is_finite(value)
        ]
        if broken:
            iteration = checkpoint["meta"]["iter"]
            raise NonFiniteError(
                f"Parameters or buffers are not finite after iteration {iteration}: "
                f"{listed(broken)}. The run was stopped; its last checkpoint is from before. Lower "
                "the learning rate, or clip gradients (optim_wrapper.clip_grad)."
            )

    def _react(self, runner: Runner, name: str, step: PastStep) -> None:
        """Put a cohort's member aside; otherwise raise, or undo the changes of buffers."""
        self._found = True
        cohort = cohort_of(runner)
        broken = model_of(runner) if cohort is None else cohort.members[name]
        spoilt: list[str] = []
        if self._check is not None:
            taken = step.gradients if cohort is None else step.gradients.keys() & {name}
            spoilt = self._check.undo(broken, taken)
        cause = first_broken(broken, step.batch, step.losses, spoilt)
        found = f"Not finite in iteration {step.iteration + 1}: {cause}."
        if cohort is not None:
            self._put_aside(runner, cohort, name, found)
            return
        self._in_a_row += 1
        if self.policy == "stop" or self._in_a_row > self.limit:
            if step.iteration == 0:
                found += f" {RANDOM_WEIGHTS}."
            raise NonFiniteError(
                f"{found} The run was stopped; its last checkpoint is from before. Lower the "
                "learning rate, clip gradients (optim_wrapper.clip_grad), mend the input, or go on "
                "without such steps (default_hooks=dict(finite=dict(type='mmkd.FiniteGuardHook', "
                "policy='skip')))."
            )
        self.skipped += 1
        with torch.no_grad():
            buffers = model_of(runner).buffers()
            for buffer, before in zip(buffers, self._buffers or (), strict=True):
                buffer.copy_(before)
        self._buffers = None
        if get_rank() == 0:
            runner.logger.warning(f"{found} The step was skipped, the {self.skipped}. of this run.")
        runner.message_hub.update_info("skipped_steps", self.skipped)

    @staticmethod
    def _put_aside(runner: Runner, cohort: Cohort, name: str, found: str) -> None:
        cohort.put_aside(name)
        scalars = runner.message_hub.log_scalars  # the logger would repeat their last values
        for key in [key for key in scalars if key.startswith(f"train/{name}/")]:
            del scalars[key]
        if not cohort.active:
            raise NonFiniteError(
                f"{found} That was the last member of the cohort: {', '.join(cohort.aside)} were "
                "put aside. Lower the learning rate, clip gradients (optim_wrapper.clip_grad), or "
                "mend the input."
            )
        runner.logger.warning(
            f"The member {name!r} is put aside, and the others go on. {found} Its student's last "
            "file is from before."
        )


def _optimizers(wrapper: Any) -> Iterator[tuple[str, Optimizer]]:
    """Yield the optimizers with their names; a single optimizer has the name ``''``."""
    if isinstance(wrapper, OptimWrapperDict):
        for name, part in wrapper.items():
            yield name, part.optimizer
    else:
        yield "", wrapper.optimizer


def _gradients(optimizer: Optimizer) -> Iterator[Tensor]:
    for group in optimizer.param_groups:
        yield from (p.grad for p in group["params"] if p.grad is not None)


def _all_finite(tensors: list[Tensor]) -> bool:
    """Return whether tensors are finite: by their norms, and one by one if a norm overflows."""
    if not tensors:
        return True
    norms = torch._foreach_norm([t.detach() for t in tensors])
    if math.isfinite(float(torch.stack(norms).sum())):
        return True
    return all(is_finite(tensor) for tensor in tensors)
