"""Diagnosis of a training step whose loss or gradients are not finite."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.distillers import BaseDistiller, Step

LISTED = 5
# Activations may grow from layer to layer unless weights are trained or suitably initialised.
RANDOM_WEIGHTS = (
    "Deep networks with random weights give that: load weights (the teacher's `checkpoint`, the "
    "student's `init_cfg` or `load_from`)"
)


def is_finite(value: Any) -> bool:
    """Return whether all numbers of a tensor are finite; true for non-float values."""
    if not isinstance(value, Tensor) or not (value.is_floating_point() or value.is_complex()):
        return True
    return bool(value.isfinite().all())


def listed(names: Iterable[str]) -> str:
    """Return the first names, joined by commas, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def sample_name(sample: Any, index: int) -> str:
    """Return the name of a data sample: its file, or its place in the batch."""
    path = getattr(sample, "img_path", None)
    return f"number {index} of the batch" if path is None else str(path)


def first_broken(
    model: nn.Module, batch: Any, losses: Mapping[str, float], spoilt: Sequence[str] = ()
) -> str:
    """Return in words which tensor is not finite first, from the input to the gradients.

    Args:
        model: The model; its forward is computed again, without gradients.
        batch: The batch from the data loader.
        losses: Losses of the step by name; empty if they are not known.
        spoilt: Names of the weights whose gradients were not finite, if the gradients are not
            available any more.
    """
    if inputs := _broken_inputs(batch):
        return f"the input {listed(inputs)}"
    if weights := [name for name, value in model.named_parameters() if not is_finite(value)]:
        found = [name for name, value in losses.items() if not is_finite(torch.tensor(value))]
        return f"{listed(found) or 'the loss'}; weights {listed(weights)}"
    steps: list[Step] = []
    observed = model.observe(steps.append) if isinstance(model, BaseDistiller) else None
    with torch.no_grad():
        preprocess: Any = model.data_preprocessor
        computed = model(**preprocess(batch, True), mode="loss")
    if observed is not None:
        observed.remove()
    for step in steps:
        for name in sorted(step.features, key=lambda name: name == "student"):
            taps = [str(tap) for tap, value in step.features[name].items() if not is_finite(value)]
            if taps:
                kind = "the student" if name == "student" else f"the teacher {name!r}"
                return f"{kind} at {listed(taps)}"
    if broken := [name for name, value in computed.items() if not _finite_loss(value)]:
        return _of_whom(model, broken)
    return f"gradients of {listed(spoilt or _broken_gradients(model)) or 'the loss'}"


def _of_whom(model: nn.Module, losses: Sequence[str]) -> str:
    """Return the names of losses in words; those of the student's own head are marked as such."""
    terms = {f"loss_{name}" for name in model.terms} if isinstance(model, BaseDistiller) else losses
    own = [name for name in losses if name not in terms]
    return f"the student's {listed(own)}" if own else listed(losses)


def _finite_loss(value: Any) -> bool:
    return all(_finite_loss(v) for v in value) if isinstance(value, list) else is_finite(value)


def _broken_inputs(batch: Any) -> list[str]:
    """Return the names of the samples of a batch whose images are not finite."""
    if not isinstance(batch, Mapping):
        return []
    images, samples = batch.get("inputs", ()), batch.get("data_samples") or ()
    named = list(samples) + [None] * len(images)
    return [
        sample_name(named[index], index)
        for index, image in enumerate(images)
        if not is_finite(image)
    ]


def _broken_gradients(model: nn.Module) -> list[str]:
    parameters = model.named_parameters()
    return [name for name, p in parameters if p.grad is not None and not is_finite(p.grad)]
