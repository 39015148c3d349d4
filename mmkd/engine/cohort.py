"""Optimizers and validation of a cohort's members."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmengine.runner import ValLoop
from mmengine.runner.amp import autocast
from torch import nn

from mmkd.distillers import Cohort
from mmkd.registry import LOOPS, OPTIM_WRAPPER_CONSTRUCTORS


class CohortOptimWrapper(OptimWrapperDict):
    """Optimizers of a cohort's members by name.

    If all members have the same learning rate, it is logged once, otherwise for each member. If a
    member's gradients are clipped, their norm is logged as ``<member>/grad_norm``.
    """

    def __init__(self, **wrappers: Any) -> None:
        super().__init__(**wrappers)
        for name, wrapper in wrappers.items():
            if wrapper.clip_grad_kwargs:
                wrapper.grad_name = f"{name}/{wrapper.grad_name}"

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        """Give each optimizer the run's iterations, which it needs to accumulate gradients."""
        for wrapper in self.values():
            wrapper.initialize_count_status(model, cur_iter, max_iters)

    def get_lr(self) -> dict[str, list[float]]:
        """Return the learning rates for the log, by member where they differ."""
        rates = {name: wrapper.get_lr() for name, wrapper in self.items()}
        first, *others = rates.values()
        if all(other["lr"][0] == first["lr"][0] for other in others):
            return dict(first)
        return {f"{name}/{key}": rate for name, own in rates.items() for key, rate in own.items()}


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class CohortOptimWrapperConstructor:
    """Build an optimizer for each member of a cohort.

    The settings are those of an ordinary ``optim_wrapper`` and apply to each member as in a run of
    its own: the keys of ``paramwise_cfg`` are names of the member's parameters, and ``clip_grad``
    clips each member's gradients separately. Settings of one member are given in
    ``members=dict(<name>=dict(...))``, and replace the common ones of the same name. To build each
    member's optimizer by another constructor, name it as ``constructor_of_each``.

    Args:
        optim_wrapper_cfg: Settings of the optimizer wrapper.
        paramwise_cfg: Settings of single parameters.

    Raises:
        ValueError: If ``members`` names a member that the cohort does not have.
    """

    def __init__(
        self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None
    ) -> None:
        self.settings = {**optim_wrapper_cfg, "paramwise_cfg": paramwise_cfg}
        self.of_members: Mapping[str, Any] = self.settings.pop("members", None) or {}
        self.constructor = self.settings.pop("constructor_of_each", None)

    def __call__(self, model: nn.Module) -> CohortOptimWrapper:
        """Return the optimizers of a cohort."""
        members = cohort_in(model).members
        if unknown := [name for name in self.of_members if name not in members]:
            raise ValueError(
                f"optim_wrapper.members has settings of {unknown[0]!r}; the cohort's members are "
                f"{', '.join(members)}."
            )
        wrappers = {}
        for name, member in members.items():
            settings = {**self.settings, **self.of_members.get(name, {})}
            if self.constructor is not None:
                settings["constructor"] = self.constructor
            wrappers[name] = build_optim_wrapper(member, settings)
        return CohortOptimWrapper(**wrappers)


@LOOPS.register_module()
class CohortValLoop(ValLoop):
    """Validation of each member of a cohort on the same batches, with the run's metrics.

    The metrics are called ``<member>/<metric>``. The metrics of a member that was put aside are
    NaN.
    """

    def __init__(self, runner: Any, dataloader: Any, evaluator: Any, fp16: bool = False) -> None:
        """Build the loop; the arguments are those of MMEngine's ``ValLoop``."""
        first, *others = cohort_in(runner.model).members
        evaluators = [deepcopy(evaluator) for _ in others]
        super().__init__(runner, dataloader, evaluator, fp16)
        self.evaluators = {first: self.evaluator}
        for name, settings in zip(others, evaluators, strict=True):
            self.evaluators[name] = runner.build_evaluator(settings)
            self.evaluators[name].dataset_meta = self.evaluator.dataset_meta

    def run(self) -> dict[str, float]:
        """Validate, and return the metrics of all members."""
        self.runner.call_hook("before_val")
        self.runner.call_hook("before_val_epoch")
        self.runner.model.eval()
        cohort = cohort_in(self.runner.model)
        for index, batch in enumerate(self.dataloader):
            self.run_iter(index, batch)
        found = {}
        for name in cohort.active:
            found[name] = self.evaluators[name].evaluate(len(self.dataloader.dataset))
        known = next(iter(found.values()))
        for name in cohort.aside:
            found[name] = dict.fromkeys(known, float("nan"))
        metrics = {f"{name}/{key}": v for name, own in found.items() for key, v in own.items()}
        self.runner.call_hook("after_val_epoch", metrics=metrics)
        self.runner.call_hook("after_val")
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Evaluate each member on a batch; hooks get the outputs of the first member."""
        self.runner.call_hook("before_val_iter", batch_idx=idx, data_batch=data_batch)
        cohort, outputs = cohort_in(self.runner.model), list[Any]()
        for name in reversed(cohort.active):  # the first one last: hooks get its outputs
            # Predictions are written into the batch's data samples, so a member's are evaluated
            # before the next one predicts.
            with autocast(enabled=self.fp16):
                outputs = cohort.members[name].val_step(data_batch)
            self.evaluators[name].process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(
            "after_val_iter", batch_idx=idx, data_batch=data_batch, outputs=outputs
        )


def cohort_in(model: nn.Module) -> Cohort:
    """Return the cohort inside a model's wrapper.

    Raises:
        ValueError: If the model is no cohort.
    """
    inner: nn.Module = model.module if is_model_wrapper(model) else model  # type: ignore[assignment]
    if not isinstance(inner, Cohort):
        raise ValueError(f"This is for an mmkd.Cohort alone, and the model is {type(inner)}.")
    return inner
