"""Checks of an objective's terms against a store."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from mmkd.contracts import traits_of
from mmkd.losses import KDLoss
from mmkd.networks.taps import Tap
from mmkd.selection import SelectByEntropy
from mmkd.store.manifest import StoreError
from mmkd.store.values import Values
from mmkd.typed import OrderedSet
from mmkd.weights import AverageTeachers, EntropySampleWeight, EntropyTeacherWeight

FULL = "Build the store with full logits (without --top-k and --sampled)"


def entropies_of(terms: Iterable[Any]) -> list[tuple[float, float]]:
    """Return temperature and eps of each teacher entropy that weights and sample choices read."""
    wanted: OrderedSet[tuple[float, float]] = {}
    for term in terms:
        for weight in (term.sample_weight, term.teacher_weight, term.select):
            if (entropy := _entropy_of(weight)) is not None:
                wanted[entropy] = None
    return [*wanted]


def features_of(
    terms: Iterable[Any], logits: Mapping[str, Any], teachers: Collection[str]
) -> dict[str, list[Tap]]:
    """Return the taps, other than the logits, that terms read of each teacher."""
    terms = [*terms]
    return {
        name: [
            *dict.fromkeys(t for one in terms for t in one.taps.get(name, ()) if t != logits[name])
        ]
        for name in teachers
    }


def temperature_of(terms: Iterable[Any], logits: Mapping[str, Any]) -> float:
    """Return the common temperature of the terms' losses, for a store of ``top_k`` or ``sampled``.

    Raises:
        StoreError: If the losses have several temperatures, or one that is computed in training.
    """
    readers = [term for term in terms if _reads_logits(term, logits)]
    found = dict.fromkeys(getattr(term.loss, "temperature", None) for term in readers)
    [temperature, *others] = found or [None]
    if others or not isinstance(temperature, int | float):
        raise StoreError(
            "A store of a part of the logits keeps the mass of the others at one temperature, and "
            f"the losses have none that is the same number: {', '.join(map(str, found))}. {FULL}."
        )
    return float(temperature)


def check_taps(
    terms: Iterable[Any],
    logits: Mapping[str, Any],
    features: Mapping[str, Collection[Tap]],
) -> None:
    """Raise :class:`StoreError` if a term reads more of a teacher than a store keeps.

    Args:
        terms: The terms.
        logits: Tap of each network's logits.
        features: Taps of each teacher's features that are kept.
    """
    for term in terms:
        for name, taps in term.taps.items():
            if not isinstance(logits[name], Tap):
                raise StoreError(
                    f"The {name} has logits at {len(logits[name])} levels: those of dense heads "
                    "are not kept in a store. Train with the teacher itself."
                )
            if name == "student":
                continue
            kept = {logits[name]: None, **dict.fromkeys(features.get(name, ()))}
            if more := [tap for tap in taps if tap not in kept]:
                raise StoreError(
                    f"The term {term.name!r} reads {', '.join(map(str, more))} of the teacher "
                    f"{name!r}; this store holds {', '.join(map(str, kept))}. Build one with "
                    "`store build --features`, train with the teacher itself, or without the term."
                )
            if several := [tap for tap in kept if tap.every]:
                raise StoreError(
                    f"The term {term.name!r} reads all runs of a module, {several[0]}, of the "
                    f"teacher {name!r}: a store has one feature of a sample. Train with the "
                    "teacher itself."
                )


class _NoLayers:
    """Stand-in for a store's teacher, which raises an error if a loss reads its network."""

    def __init__(self, term: str) -> None:
        self.term = term

    @property
    def network(self) -> nn.Module:
        raise StoreError(
            f"The term {self.term!r} reads layers of the teacher's network, and a store holds "
            "tensors alone. Train with the teacher itself, or without the term."
        )


def check_layers(terms: Iterable[Any], student: nn.Module) -> None:
    """Raise :class:`StoreError` if a term reads a teacher's layers, such as its classifier."""
    for term in terms:
        traits, teacher = traits_of(term.loss), _NoLayers(term.name)
        if traits.attaches:
            [name] = term.teacher_taps
            sides = dict(student="student", teacher=name)
            paths = {side: term.logit_taps[one].path for side, one in sides.items()}
            term.loss.attach(student, teacher, paths)
        if traits.follows or term.heads:
            _ = teacher.network


def check_parts(
    terms: Iterable[Any],
    logits: Mapping[str, Any],
    values: Values,
    kept: Sequence[tuple[float, float]],
) -> None:
    """Raise :class:`StoreError` if a term cannot be computed from records of this kind.

    From full logits every term can be computed. From ``top_k`` or ``sampled`` logits a term can be
    computed if it reads features alone, or if its loss is :class:`mmkd.KDLoss` at the store's
    temperature and its weights are none, or averages, or entropies that the store keeps.

    Args:
        terms: The terms.
        logits: Tap of each network's logits.
        values: Kind of record.
        kept: Temperature and eps of each stored entropy.
    """
    if values.kind == "full":
        return
    for term in terms:
        if not _reads_logits(term, logits):
            continue
        reason = _reason(term, values, kept)
        if reason:
            raise StoreError(
                f"The term {term.name!r} cannot be computed from a store of kind {values.kind!r}: "
                f"{reason}. {FULL}."
            )


def _reads_logits(term: Any, logits: Mapping[str, Any]) -> bool:
    return any(logits[name] in taps for name, taps in term.taps.items() if name != "student")


def _reason(term: Any, values: Any, kept: Sequence[tuple[float, float]]) -> str | None:
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
