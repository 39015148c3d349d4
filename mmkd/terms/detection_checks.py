"""Checks at build time of terms that compare detectors."""

from typing import Any

from torch import nn

from mmkd.networks.heads import enclosing
from mmkd.networks.taps import flat
from mmkd.terms.draft import Draft
from mmkd.terms.networks import Networks


def check_detection(draft: Draft, networks: Networks) -> None:
    """Refuse terms that cannot be computed with detectors, or only with detectors.

    Raises:
        ValueError: If features of images are weighed by logits of RoIs or locations, if the loss
            needs boxes and the student is no detector, or if the compared deltas do not mean the
            same boxes.
    """
    detects = networks.manner.detects
    if draft.traits.needs_boxes and not detects:
        raise ValueError(
            f"{type(draft.loss).__name__} of the term {draft.name!r} needs ground-truth boxes, but "
            f"the student, {type(networks.student).__name__}, is no detector of mmdet."
        )
    if "boxes" in draft.traits.accepts and not (draft.locations and draft.locations.gives_boxes):
        raise ValueError(
            f"{type(draft.loss).__name__} of the term {draft.name!r} compares the boxes of "
            "queries: give it locations=dict(type='mmkd.SharedQueries') or mmkd.MatchedQueries."
        )
    if detects and draft.weighs and draft.locations is None:
        _check_weight(draft)
    if draft.traits.compares_deltas and not draft.towers:  # else both sides are the teacher's head
        for name in draft.teachers:
            _check_coders(networks, name, draft)


def check_rois(draft: Draft, networks: Networks) -> None:
    """Refuse logits of RoI heads that cannot be compared on the student's RoIs.

    Raises:
        ValueError: If a term taps a RoI head that needs more than features and RoIs, or no teacher
            could take the student's RoIs.
    """
    for name, taps in draft.reads().items():
        manner = networks.manner_of(name)
        if not manner.needs_rois(taps):
            continue
        kind = type(networks.network(name).roi_head).__name__
        if reason := manner.refuses_rois or (name == "student" and manner.withholds_rois):
            raise ValueError(
                f"The term {draft.name!r} taps the RoI head of the {name}, a {kind}, which "
                f"{reason}: it cannot be compared RoI by RoI. Compare features, such as "
                "student='neck[:]', teacher='neck[:]'."
            )


def _check_weight(draft: Draft) -> None:
    heads = {tap.path.split(".")[0] for tap in flat(draft.logits["student"])}
    for tap in flat(draft.student):
        if tap.path.split(".")[0] not in heads:
            raise ValueError(
                f"The term {draft.name!r} weighs {tap}, which has one loss for each image, but the "
                f"weights follow from the logits in {', '.join(sorted(heads))}, which are of RoIs "
                "or locations: an image has no single weight. "
                + (
                    "Several teachers are averaged by weights: write a term for each."
                    if draft.sample_weight is None
                    else "Remove the weight, or weigh a term on the logits."
                )
            )


def _check_coders(networks: Networks, name: str, draft: Draft) -> None:
    own, theirs = (
        [_coder(networks.network(who), tap.path) for tap in flat(draft.sides[who])]
        for who in ("student", name)
    )
    if own != theirs:
        raise ValueError(
            f"The term {draft.name!r} compares deltas of boxes, but the student and the teacher "
            f"{name!r} encode boxes differently ({own} and {theirs}): the same numbers are not the "
            "same boxes. Give the student's head the teacher's bbox_coder."
        )
    head = enclosing(networks.student, flat(draft.student)[0].path, "norm_on_bbox")
    if head is not None and head[1].norm_on_bbox:
        raise ValueError(
            f"The term {draft.name!r} compares distances of boxes, but the student's "
            f"{type(head[1]).__name__} gives them in units of its strides while it trains, and the "
            "teacher's in pixels. Let the teacher's head predict both: "
            "cross='bbox_head.reg_convs.2'."
        )


def _coder(network: nn.Module, path: str) -> tuple[Any, ...]:
    """Return the meaning of the deltas that a head gives: kind, means, deviations."""
    found = enclosing(network, path, "bbox_coder")
    coder = None if found is None else found[1].bbox_coder
    shift, scale = (tuple(getattr(coder, key, None) or ()) for key in ("means", "stds"))
    return type(coder).__name__, shift, scale
