"""A term's first computation, when it is built."""

import inspect
from collections.abc import Mapping
from copy import deepcopy

import torch

from mmkd.losses import FeatureLoss, LogitLoss
from mmkd.networks.taps import flat
from mmkd.terms.term import Shapes, Term

# A loss with one of these has seen the shapes, or needs more than features.
PARTS = ("adapt", "attach")


def try_term(term: Term, student: Shapes, teachers: Mapping[str, Shapes]) -> None:
    """Compute a connected term on random numbers, to find now what would fail in the first step.

    Terms at places that are selected in each step are left out, and losses that read more than
    features.

    Args:
        term: The term, of which a copy is computed: neither its parameters nor what it keeps of a
            batch change.
        student: Shape at each of the student's taps.
        teachers: Shape at each tap of each teacher.

    Raises:
        ValueError: In words, if the loss cannot be computed from features of these shapes.
    """
    if term.locations is not None or not isinstance(term.loss, FeatureLoss | LogitLoss):
        return
    accepts = inspect.signature(term.loss.forward).parameters
    if "data_samples" in accepts or any(hasattr(term.loss, part) for part in PARTS):
        return
    shapes, own = {"student": student, **teachers}, {"student": term.student, **term.teachers}
    listed = "; ".join(
        f"{name} " + ", ".join(f"'{tap}' {shapes[name][tap]}" for tap in flat(taps))
        for name, taps in own.items()
    )
    if isinstance(term.loss, LogitLoss) and any(
        isinstance(taps, list) or len(shapes[name][taps]) != 2 for name, taps in own.items()
    ):
        raise ValueError(
            f"{type(term.loss).__name__} of the term {term.name!r} compares logits (N, C), but the "
            f"taps have shapes: {listed}. Tap the layers that classify, or take a feature loss."
        )
    trial = deepcopy(term).eval()
    trial.labels = None  # they are given
    views = getattr(term.loss, "views", 1)  # of each image, joined to one batch
    features = {
        name: {
            tap: torch.randn(views * shapes[name][tap][0], *shapes[name][tap][1:]) for tap in taps
        }
        for name, taps in term.taps.items()
    }
    labels = torch.zeros(views * student[flat(term.student)[0]][0], dtype=torch.long)
    try:
        with torch.no_grad():
            trial(features, labels)
    except (IndexError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"The term {term.name!r} cannot be computed. {error} Its taps have shapes: {listed}."
        ) from error
