"""Hook that logs statistics of the terms."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from mmkd.distillers import BaseDistiller, Step
from mmkd.hooks.late_history import log_late
from mmkd.hooks.model import distillers_of
from mmkd.hooks.module_statistics import module_statistics
from mmkd.logits import binary_entropy, entropy
from mmkd.registry import HOOKS

TINY = torch.finfo(torch.float32).tiny


@HOOKS.register_module()
class StatisticsHook(Hook):
    """Log statistics of the terms and of the logits in addition to the losses.

    - ``<term>/weight_mean``, ``<term>/weight_std``: mean and standard deviation of the weights of
      all samples and teachers,
    - ``<term>/weight/<teacher>``: mean weight of each teacher, if a term has several,
    - ``entropy/student``, ``entropy/<teacher>``: mean entropy in nats, of the softmax outputs or,
      for a head with sigmoids, of the classes' sigmoids,
    - ``agreement/<teacher>``: share of samples for which both networks predict the same class,
    - statistics that modules report, see :func:`mmkd.hooks.module_statistics`, such as
      ``<term>/alpha`` of DynamicKD's controller,
    - ``gradient_share/<loss>``, on request: norm of the loss's gradient with respect to the
      student's parameters, divided by the sum of these norms over all losses.

    In a cohort the names begin with the member's, as in ``<member>/<term>/weight_mean``.

    A term that compared no samples in a step, for example because no image has RoIs, has no
    statistics in that step.

    Args:
        interval: Iterations between two measurements; the last iteration of an epoch is measured
            too. Use a divisor of the logger's interval.
        gradient_share: Whether to measure gradients, at the cost of one backward pass per loss.
    """

    priority = "NORMAL"

    def __init__(self, interval: int = 10, gradient_share: bool = False) -> None:
        self.interval = interval
        self.gradient_share = gradient_share
        self._handles: list[RemovableHandle] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        # Like MMEngine's logger, so that epochs shorter than the interval are not left out.
        due = self.every_n_inner_iters(batch_idx, self.interval)
        if due or self.end_of_epoch(runner.train_dataloader, batch_idx):
            for name, distiller in distillers_of(runner).items():
                record = partial(self._record, f"{name}/" if name else "", distiller)
                self._handles.append(distiller.observe(record))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        while self._handles:
            self._handles.pop().remove()

    def _record(self, prefix: str, distiller: BaseDistiller, step: Step) -> None:
        scalars = {**weight_statistics(step), **logit_statistics(step)}
        scalars.update(teacher_weight_statistics(distiller, step))
        scalars.update(module_statistics(distiller))
        if self.gradient_share:
            scalars.update(gradient_shares(distiller, step))
        named = {f"{prefix}{name}": value for name, value in scalars.items()}
        log_late(MessageHub.get_current_instance(), named)


def weight_statistics(step: Step) -> dict[str, Tensor]:
    """Return mean and standard deviation of each term's weights, over samples and teachers."""
    scalars = {}
    for name, output in step.terms.items():
        if output.weight is not None and output.weight.numel():
            scalars[f"{name}/weight_mean"] = output.weight.mean()
            scalars[f"{name}/weight_std"] = output.weight.std(correction=0)
    return scalars


def teacher_weight_statistics(distiller: BaseDistiller, step: Step) -> dict[str, Tensor]:
    """Return the mean weight of each teacher, for the terms that weigh several teachers."""
    scalars = {}
    for name, output in step.terms.items():
        teachers = distiller.terms[name].teacher_taps
        if output.weight is not None and output.weight.numel() and len(teachers) > 1:
            means = output.weight.mean(1)
            scalars.update({f"{name}/weight/{t}": m for t, m in zip(teachers, means, strict=True)})
    return scalars


@torch.no_grad()
def logit_statistics(step: Step) -> dict[str, Tensor]:
    """Return the entropies of the networks and their agreement, if logits were computed."""
    if step.student_logits is None or not step.student_logits.numel():
        return {}
    student = step.student_logits.float()
    of = entropy if step.activation == "softmax" else binary_entropy
    scalars = {"entropy/student": of(student).mean()}
    for name, logits in step.teacher_logits.items():
        scalars[f"entropy/{name}"] = of(logits.float()).mean()
        if logits.shape == student.shape:
            agree = logits.argmax(-1) == student.argmax(-1)
            scalars[f"agreement/{name}"] = agree.float().mean()
    return scalars


def gradient_shares(distiller: BaseDistiller, step: Step) -> dict[str, Tensor]:
    """Return each loss's share of the gradient norms on the student's parameters."""
    parameters = [p for p in distiller.student.parameters() if p.requires_grad]
    norms = {}
    for name, value in step.losses.items():
        loss = sum(v.mean() for v in value) if isinstance(value, list | tuple) else value
        if "loss" not in name or not isinstance(loss, Tensor) or not loss.requires_grad:
            continue
        norms[name] = gradient_norm(loss.mean(), parameters)
    total = sum(norms.values(), start=torch.tensor(0.0))
    return {f"gradient_share/{name}": norm / total.clamp(min=TINY) for name, norm in norms.items()}


def gradient_norm(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return the norm of a loss's gradient with respect to parameters; the graph is retained."""
    if not loss.requires_grad:
        return loss.new_zeros(())
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    found = [gradient.float().norm() for gradient in gradients if gradient is not None]
    return torch.stack(found).norm() if found else loss.new_zeros(())
