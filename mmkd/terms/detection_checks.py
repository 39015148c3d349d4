"""What terms of detectors cannot mean, found when they are built."""

from typing import TYPE_CHECKING, Any

from torch import nn

from mmkd.networks.taps import flat
from mmkd.terms.term import Term

if TYPE_CHECKING:
    from mmkd.distillers.distiller import Distiller


def check_detection(distiller: "Distiller", term: Term) -> None:
    """Refuse, in words, what a term asks of detectors, or of networks that are none.

    Raises:
        ValueError: If features of images are weighed by logits of RoIs or locations, if the loss
            needs boxes and the student is no detector, or if deltas of boxes are compared that do
            not mean the same boxes.
    """
    detects = distiller.manner.detects
    if getattr(term.loss, "needs_boxes", False) and not detects:
        raise ValueError(
            f"{type(term.loss).__name__} of the term {term.name!r} needs ground-truth boxes, but "
            f"the student, {type(distiller.student).__name__}, is no detector of mmdet."
        )
    if detects and term.weighs and term.locations is None:
        _check_weight(term)
    if getattr(term.loss, "compares_deltas", False):
        for name in term.teachers:
            _check_coders(distiller.student, distiller.teachers[name].network, name, term)


def check_rois(distiller: "Distiller", term: Term) -> None:
    """Refuse, in words, logits of RoI heads that cannot be compared on the student's RoIs.

    Raises:
        ValueError: If a term taps a RoI head that needs more than features and RoIs, or the
            student's RoIs are none that a teacher could take.
    """
    networks = {"student": (distiller.student, distiller.manner)}
    networks |= {name: (part.network, part.manner) for name, part in distiller.teachers.items()}
    for name, (network, manner) in networks.items():
        if not manner.needs_given(term.taps.get(name, ())):
            continue
        kind = type(getattr(network, manner.given_to or "")).__name__
        if reason := manner.closed or (name == "student" and manner.withheld):
            raise ValueError(
                f"The term {term.name!r} taps the RoI head of the {name}, a {kind}, which "
                f"{reason}: it cannot be compared RoI by RoI. Compare features, such as "
                "student='neck[:]', teacher='neck[:]'."
            )


def _check_weight(term: Term) -> None:
    heads = {tap.path.split(".")[0] for tap in flat(term.logits["student"])}
    for tap in flat(term.student):
        if tap.path.split(".")[0] not in heads:
            raise ValueError(
                f"The term {term.name!r} weighs {tap}, which has one loss for each image, but the "
                f"weights follow from the logits in {', '.join(sorted(heads))}, which are of RoIs "
                "or locations: an image has no single weight. "
                + (
                    "Several teachers are averaged by weights: write a term for each."
                    if term.sample_weight is None
                    else "Remove the weight, or weigh a term on the logits."
                )
            )


def _check_coders(student: nn.Module, teacher: nn.Module, name: str, term: Term) -> None:
    own = [_coder(student, tap.path) for tap in flat(term.student)]
    theirs = [_coder(teacher, tap.path) for tap in flat(term.teachers[name])]
    if own != theirs:
        raise ValueError(
            f"The term {term.name!r} compares deltas of boxes, but the student and the teacher "
            f"{name!r} encode boxes differently ({own} and {theirs}): the same numbers are not the "
            "same boxes. Give the student's head the teacher's bbox_coder."
        )


def _coder(network: nn.Module, path: str) -> tuple[Any, ...]:
    """Return what deltas mean at the output of a layer of a RoI head: kind, means, deviations."""
    coder = getattr(network.get_submodule(path.rpartition(".")[0]), "bbox_coder", None)
    shift, scale = (tuple(getattr(coder, key, None) or ()) for key in ("means", "stds"))
    return type(coder).__name__, shift, scale
