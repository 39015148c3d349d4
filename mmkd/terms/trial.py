"""First computation of a term, when it is built."""

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor

from mmkd.contracts import traits_of_loss
from mmkd.losses import FeatureLoss, LogitLoss
from mmkd.networks.dry_run import Shapes
from mmkd.networks.taps import Tap, flat
from mmkd.terms.term import Term


def try_term(term: Term, shapes: Mapping[str, Shapes], device: torch.device | None = None) -> None:
    """Compute a connected term on random numbers, so that errors of the first step appear now.

    The function leaves out terms at places that are selected in each step, and losses that read
    more than features.

    Args:
        term: The term. A copy of it is computed, so neither its parameters nor the memory that it
            keeps of a batch change.
        shapes: Shape at each tap, by network.
        device: Device of the networks.

    Raises:
        ValueError: If the loss cannot be computed from features of these shapes.
    """
    if term.locations is not None or not isinstance(term.loss, FeatureLoss | LogitLoss):
        return
    traits = traits_of_loss(term.loss)
    if "data_samples" in traits.accepts or traits.adapts or traits.attaches:
        return  # it has seen the shapes, or needs more than features
    own = {"student": term.student_taps, **term.teacher_taps}
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
    trial.label_tap = None  # the example's labels stand for those that the student would assign
    try:
        with torch.no_grad():
            trial(*_example(term, shapes, traits.views or 1, device))
    except (IndexError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"The term {term.name!r} cannot be computed. {error} Its taps have shapes: {listed}."
        ) from error


def _example(
    term: Term, shapes: Mapping[str, Shapes], views: int, device: torch.device | None
) -> tuple[dict[str, dict[Tap, Tensor]], Tensor]:
    """Return random features of these shapes, with ``views`` views of each image, and labels."""
    features: dict[str, dict[Tap, Tensor]] = {}
    for name, taps in term.taps.items():
        features[name] = {}
        for tap in taps:
            if tap in shapes[name]:
                count, *rest = shapes[name][tap]
                features[name][tap] = torch.randn(views * count, *rest).to(device)
    count = len(features["student"][flat(term.student_taps)[0]])
    return features, torch.zeros(count, dtype=torch.long, device=device)
