"""Hook that corrects the gradients of samples that are not drawn with equal probabilities."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mmkd.distillers import Distiller
from mmkd.hooks.model import distillers_of
from mmkd.networks.taps import Tap, flat
from mmkd.registry import HOOKS


@HOOKS.register_module()
class ImportanceHook(Hook):
    """Multiply the gradient of each sample by its importance weight, if the sampler has any.

    A sampler such as :class:`mmkd.EntropySampler` has an attribute ``importance``, shape (N,): for
    each sample of the data set the uniform probability 1 / N divided by the probability with which
    the sampler draws it. The hook multiplies the gradients with respect to the student's logits by
    it, both those of the student's own losses and those of all terms, so that the expected gradient
    is that of uniform sampling. The logged losses are not weighted. (If the student has batch
    normalisation, its outputs depend on the other samples of the batch. The weights do not correct
    for that.)

    Raises:
        ValueError: If a sampler has ``importance``, and the model is not a :class:`mmkd.Distiller`
            of a classifier or a cohort of such, a term reads more of the student than its logits or
            compares samples with each other, the batch is augmented by mixing, or samples lack
            ``sample_idx``.
    """

    priority = "VERY_LOW"

    def __init__(self) -> None:
        self._importance: Tensor | None = None
        self._handles: list[RemovableHandle] = []
        self._weights: Tensor | None = None

    def before_train(self, runner: Runner) -> None:
        """Find the sampler's importance weights, and the module that returns the logits."""
        batches = runner.train_dataloader.batch_sampler
        self._importance = getattr(getattr(batches, "sampler", None), "importance", None)
        if self._importance is None:
            return
        distillers = [*distillers_of(runner).values()]
        if not distillers or not all(isinstance(each, Distiller) for each in distillers):
            raise ValueError(
                "The sampler draws by importance, which mmkd.ImportanceHook corrects for an "
                "mmkd.Distiller, or a cohort of them, alone. Take DefaultSampler."
            )
        for distiller in distillers:
            module = distiller.student.get_submodule(_logits(distiller).path)
            self._handles.append(module.register_forward_hook(self._weigh))

    def after_train(self, runner: Runner) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if self._importance is None:
            return
        samples = (data_batch or {}).get("data_samples") or []
        indices = [getattr(sample, "sample_idx", None) for sample in samples]
        if not indices or None in indices:
            raise ValueError(
                "The sampler draws by importance, and the batch does not say which samples it has: "
                "keep sample_idx among the meta_keys of PackInputs."
            )
        self._weights = self._importance[torch.tensor(indices)]

    def _weigh(self, module: nn.Module, given: Any, output: Any) -> None:
        logits: Tensor = output[0] if isinstance(output, tuple | list) else output
        if logits.requires_grad and self._weights is not None:
            weights = self._weights.to(logits)[:, None]
            logits.register_hook(lambda gradient: gradient * weights)


def _logits(distiller: Any) -> Tap:
    """Return the tap of the student's logits, the only one that its terms may read."""
    taps = flat(distiller.logits["student"])
    read = {tap for term in distiller.terms.values() for tap in term.taps["student"]} - {*taps}
    needs = [*map(str, read)]
    needs += [f"samples together ({t.name})" for t in distiller.terms.values() if t.relational]
    if getattr(distiller.data_preprocessor, "batch_augments", None) is not None:
        needs.append("mixed samples (train_cfg.augments)")
    if needs or len(taps) > 1 or taps[0].input or distiller.manner.detects:
        what = ", ".join(needs) or "not one tensor of logits"
        raise ValueError(
            "The sampler draws by importance, by which the gradients on the student's logits are "
            f"weighted, and the terms need more: {what}. Take terms on the logits of a classifier, "
            "with a loss of single samples, or DefaultSampler."
        )
    return taps[0]
