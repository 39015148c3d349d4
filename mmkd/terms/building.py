"""Construction of an objective's terms for its networks, with the checks that are possible then."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmkd.networks.dry_run import Shapes, evaluating
from mmkd.networks.taps import Tap, Taps, expanded
from mmkd.terms.checks import (
    check_classes,
    check_labels,
    check_reversible,
    check_views,
    check_weights,
)
from mmkd.terms.connections import connect_draft, teacher_transforms
from mmkd.terms.crossing import cross_heads, tap_towers
from mmkd.terms.detection_checks import check_detection, check_rois
from mmkd.terms.draft import Draft, draft_terms
from mmkd.terms.networks import Networks
from mmkd.terms.parts import lend_networks, teacher_heads
from mmkd.terms.places import fit_locations
from mmkd.terms.selection_checks import check_selection
from mmkd.terms.term import Term, Terms
from mmkd.terms.trial import try_term
from mmkd.typed import OrderedSet


def build_terms(
    terms: Mapping[str, Mapping[str, Any]],
    logits: dict[str, Taps],
    shared: nn.ModuleDict,
    networks: Networks,
) -> tuple[Terms, dict[str, Taps]]:
    """Build the terms, from one dry run of the networks.

    Args:
        terms: Settings of each term, by name. A term of weight 0 is left out.
        logits: Taps of the logits, by ``'student'`` and the names of the teachers.
        shared: Modules that several terms use.
        networks: The student and its teachers.

    Returns:
        The terms, and the taps of the logits as the dry run resolved them.

    Raises:
        ValueError: If settings are wrong, taps do not exist, class counts differ, or a loss needs
            labels and batch augmentations leave none.
    """
    drafts = draft_terms(terms, logits, shared)
    for draft in drafts:
        check_weights(draft)
        draft.expand(networks.resolve(draft.reads(), draft.logits))
        _check_paths(draft, networks)
    networks.log_roles()
    short = networks.expand(_short_taps(drafts, networks))
    for draft in drafts:
        draft.expand(short)
        tap_towers(draft, networks)
    shapes = networks.shapes(_wanted(drafts, networks))
    built = Terms()
    for draft in drafts:
        built[draft.name] = _finish(draft, networks, shapes)
    roles = networks.resolve({}, logits)
    logits = {name: expanded(taps, roles[name]) for name, taps in logits.items()}
    return built, {name: expanded(taps, short[name]) for name, taps in logits.items()}


def _check_paths(draft: Draft, networks: Networks) -> None:
    reads = draft.reads()
    for name, taps in reads.items():
        if draft.locations is not None:
            draft.locations.check(draft.name, name, networks.network(name))
        for tap in taps:
            tap.check(networks.network(name))
    check_rois(draft, networks)
    for name in draft.teachers:
        manner = networks.manner_of(name)
        if manner.needs_rois(reads[name]):
            # The RoIs that this teacher classifies are read together with the term's taps.
            draft.student_gives = [*(networks.manner.roi_taps or manner.roi_taps)]
            for tap in draft.student_gives:
                tap.check(networks.student)


def _short_taps(drafts: list[Draft], networks: Networks) -> dict[str, list[Tap]]:
    """Return the taps that stand for several taps, by network."""
    short: dict[str, list[Tap]] = {name: [] for name in ("student", *networks.teachers)}
    for draft in drafts:
        for name, taps in draft.reads().items():
            short[name] += [tap for tap in taps if None in tap.items]
    return short


def _wanted(drafts: list[Draft], networks: Networks) -> dict[str, OrderedSet[Tap]]:
    """Return all taps of the terms, by network, as ordered sets."""
    wanted: dict[str, OrderedSet[Tap]] = {name: {} for name in ("student", *networks.teachers)}
    for draft in drafts:
        for name, taps in draft.reads().items():
            wanted[name].update(dict.fromkeys(taps))
    return wanted


def _finish(draft: Draft, networks: Networks, shapes: Mapping[str, Shapes]) -> Term:
    fit_locations(draft, networks, shapes)
    check_classes(draft, networks, shapes)
    check_labels(draft, networks.student)
    check_views(draft, networks.student)
    check_reversible(draft, networks.student)
    check_detection(draft, networks)
    check_selection(draft, networks, shapes)
    connectors = connect_draft(draft, shapes)
    heads = teacher_heads(draft, networks, connectors, shapes)
    transforms, crossings = teacher_transforms(draft, shapes), cross_heads(draft, networks)
    term = Term(draft, connectors, heads, transforms, crossings)
    term.to(networks.inputs.device)
    try_term(term, shapes, networks.inputs.device)
    with evaluating(networks.student):
        lend_networks(draft, networks)
    if draft.labels is not None:
        draft.labels.check(networks.student)
    return term
