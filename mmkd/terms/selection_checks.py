"""Checks at build time of a term with a choice of samples."""

from collections.abc import Mapping

from mmkd.contracts import traits_of
from mmkd.networks.dry_run import Shapes
from mmkd.networks.heads import activation_of
from mmkd.networks.taps import Tap, flat
from mmkd.terms.draft import Draft
from mmkd.terms.networks import Networks


def check_selection(draft: Draft, networks: Networks, shapes: Mapping[str, Shapes]) -> None:
    """Check that a term can be computed from a part of its samples, if it has a ``select``.

    Raises:
        ValueError: If its loss compares samples with each other, if a tap does not have one row for
            each row of logits, or if the choice takes the softmax of logits for sigmoids.
    """
    if draft.select is None:
        return
    _check_loss(draft)
    logits = flat(draft.logits["student"])[0]
    if draft.locations is None:
        _check_rows(draft, networks, shapes, logits)
    head = activation_of(networks.student, logits.path)
    wanted = traits_of(draft.select).activation
    if None not in (head, wanted) and head != wanted:
        raise ValueError(
            f"The `select` of the term {draft.name!r} takes the {wanted} of logits, but the "
            f"student's head is made for a {head}. Give it activation={head!r}."
        )


def _check_loss(draft: Draft) -> None:
    loss = type(draft.loss).__name__
    if draft.traits.relational:
        raise ValueError(
            f"The term {draft.name!r} has a `select`, but {loss} compares samples with each other: "
            "over a part of a batch it would be another loss. Remove `select`, or take a "
            "per-sample loss."
        )
    if draft.traits.views is not None and draft.traits.views > 1:
        raise ValueError(
            f"The term {draft.name!r} has a `select`, but {loss} needs all views of an image: "
            "remove `select`, or take a loss on one view."
        )


def _check_rows(
    draft: Draft, networks: Networks, shapes: Mapping[str, Shapes], logits: Tap
) -> None:
    if isinstance(draft.logits["student"], list) or len(shapes["student"][logits]) != 2:
        raise ValueError(
            f"The `select` of the term {draft.name!r} needs logits (N, C) of the student, and "
            f"those at '{logits}' have shape {shapes['student'][logits]}. Say at which places "
            "detectors are compared (`locations`), or which logits are meant (`logits`)."
        )
    part, rows = logits.path.split(".")[0], shapes["student"][logits][0]
    for name, taps in draft.reads().items():
        for tap in taps:
            other = networks.manner.detects and name == "student"
            other = other and tap.path.split(".")[0] != part
            if other or shapes[name][tap][0] != rows:
                raise ValueError(
                    f"The `select` of the term {draft.name!r} chooses rows of the logits, "
                    f"'{logits}', and '{tap}' of the {name} has not one row for each of them. "
                    "Compare outputs of the same head, or remove `select`."
                )
