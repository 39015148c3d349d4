"""Checks of an objective's terms against a store."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from mmkd.contracts import traits_of
from mmkd.losses import KDLoss
from mmkd.networks.taps import Tap
from mmkd.selection import SelectByEntropy
from mmkd.store.manifest import StoreError
from mmkd.store.values import Values
from mmkd.weights import AverageTeachers, EntropySampleWeight, EntropyTeacherWeight

FULL = "Build the store with full logits (without --top-k and --sampled)"


def entropies_of(terms: Iterable[Any]) -> list[tuple[float, float]]:
    """Return temperature and eps of each entropy of teachers that weights and choices read."""
    wanted: dict[tuple[float, float], None] = {}
    for term in terms:
        for weight in (term.sample_weight, term.teacher_weight, term.select):
            if (entropy := _entropy_of(weight)) is not None:
                wanted[entropy] = None
    return [*wanted]


def temperature_of(terms: Iterable[Any]) -> float:
    """Return the common temperature of the terms' losses, for a store with a part of the logits.

    Raises:
        StoreError: If there are several temperatures, or a computed one.
    """
    found = dict.fromkeys(getattr(term.loss, "temperature", None) for term in terms)
    [temperature, *others] = found
    if others or not isinstance(temperature, int | float):
        raise StoreError(
            "A store of a part of the logits keeps the mass of the others at one temperature, and "
            f"the losses have none that is the same number: {', '.join(map(str, found))}. {FULL}."
        )
    return float(temperature)


def check_taps(terms: Iterable[Any], logits: Mapping[str, Any]) -> None:
    """Raise :class:`StoreError` if a term reads more of a teacher than its logits."""
    for term in terms:
        for name, taps in term.taps.items():
            if name != "student" and (more := [tap for tap in taps if tap != logits[name]]):
                raise StoreError(
                    f"The term {term.name!r} reads {', '.join(map(str, more))} of the teacher "
                    f"{name!r}; a store holds its logits alone, {logits[name]}. Train with the "
                    "teacher itself, or without the term."
                )
            if not isinstance(logits[name], Tap):
                raise StoreError(
                    f"The {name} has logits at {len(logits[name])} levels: those of dense heads "
                    "are not kept in a store. Train with the teacher itself."
                )


def check_parts(terms: Iterable[Any], values: Values, kept: list[tuple[float, float]]) -> None:
    """Raise :class:`StoreError` if a term cannot be computed from records of this kind.

    With full logits every term can be computed. With a part of them the loss can be KD at the
    store's temperature, and weights can be entropies that the store keeps.
    """
    if values.kind == "full":
        return
    for term in terms:
        reason = _reason(term, values, kept)
        if reason:
            raise StoreError(
                f"The term {term.name!r} cannot be computed from a store of kind {values.kind!r}: "
                f"{reason}. {FULL}."
            )


def _reason(term: Any, values: Any, kept: list[tuple[float, float]]) -> str | None:
    loss = term.loss
    if type(loss) is not KDLoss:
        return f"{type(loss).__name__} reads each class, and not only the most likely ones"
    if isinstance(loss.temperature, nn.Module):
        return f"{type(loss.temperature).__name__} computes its temperature from all logits"
    if loss.temperature != values.temperature:
        return f"its temperature is {loss.temperature}, and the store's {values.temperature}"
    if len(loss.transforms) or len(loss.teacher_transforms):
        return "its transforms need all logits"
    if loss.target is not None:
        return f"{type(loss.target).__name__} reads the probability of the true class"
    for weight in (term.sample_weight, term.teacher_weight, term.select):
        if weight is None or isinstance(weight, AverageTeachers):
            continue
        if weight is term.select and not traits_of(weight).reads_teacher:
            continue
        entropy = _entropy_of(weight)
        if entropy is None:
            return f"{type(weight).__name__} is no entropy of all classes"
        if entropy not in kept:
            return (
                f"{type(weight).__name__} has temperature {entropy[0]} and eps {entropy[1]}, and "
                f"the store keeps the entropies of {', '.join(map(str, kept)) or 'none'}"
            )
    return None


def _entropy_of(weight: nn.Module | None) -> tuple[float, float] | None:
    """Return temperature and eps if a part reads an entropy of raw logits, otherwise ``None``."""
    if isinstance(weight, EntropySampleWeight) and weight.activation == "softmax":
        return None if len(weight.transforms) else (float(weight.temperature), float(weight.eps))
    if isinstance(weight, EntropyTeacherWeight) and weight.part == "all":
        return float(weight.temperature), 0.0
    if isinstance(weight, SelectByEntropy) and weight.reads_teacher:
        return (float(weight.temperature), 0.0) if weight.activation == "softmax" else None
    return None
