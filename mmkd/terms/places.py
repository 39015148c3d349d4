"""Preparation of the places at which a term compares the outputs of networks."""

from collections.abc import Mapping

from mmkd.locations import Side
from mmkd.networks.dry_run import Shapes
from mmkd.networks.taps import Taps, flat
from mmkd.terms.draft import Draft
from mmkd.terms.networks import Networks


def fit_locations(draft: Draft, networks: Networks, shapes: Mapping[str, Shapes]) -> None:
    """Fit a term's locations, if it has any, to the shapes of the dry run.

    Args:
        draft: The term.
        networks: The student and its teachers.
        shapes: Shape at each tap, by network.

    Raises:
        ValueError: If the outputs cannot be compared place by place.
    """
    if draft.locations is None:
        return
    if draft.traits.relational and draft.locations.averages:
        raise ValueError(
            f"{type(draft.loss).__name__} of the term {draft.name!r} compares relations between "
            "places and is no mean over them: leave out `avg` of its locations."
        )
    sides = {
        name: Side(
            networks.network(name),
            flat(taps),
            [shapes[name][tap] for tap in flat(taps)],
            networks.inputs,
            networks.teachers.get(name),
        )
        for name, taps in draft.sides.items()
    }
    draft.locations.fit(draft.name, sides, draft.labels)
    draft.labels = draft.locations.labels
    for name, taps in draft.sides.items():
        if draft.reads_logits_of(name) and len(flat(taps)) != len(flat(draft.logits[name])):
            raise ValueError(
                f"The term {draft.name!r} taps {len(flat(taps))} levels of the {name}, and its "
                f"`logits` are {len(flat(draft.logits[name]))}: they must be the same levels."
            )


def rows(draft: Draft, network: str, taps: Taps, shapes: Shapes) -> tuple[int, ...]:
    """Return the shape of the rows that a network's taps give at the term's locations."""
    assert draft.locations is not None
    logits = taps == draft.logits[network]
    return draft.locations.shape(network, [shapes[tap] for tap in flat(taps)], logits)
