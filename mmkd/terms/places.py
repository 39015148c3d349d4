"""Fitting the places at which a term compares detectors to the networks."""

from collections.abc import Mapping

from torch import Tensor, nn

from mmkd.locations import Side
from mmkd.networks.taps import Taps, flat
from mmkd.terms.term import Shapes, Term


def fit_locations(
    term: Term,
    networks: Mapping[str, nn.Module],
    shapes: Mapping[str, Shapes],
    inputs: Tensor,
) -> None:
    """Fit a term's locations, where it has some, to what a dry run found.

    Args:
        term: The term.
        networks: The student, as ``'student'``, and the teachers by name.
        shapes: Shape at each tap of each of them.
        inputs: The batch of the dry run that found them.

    Raises:
        ValueError: In words, if the outputs cannot be compared place by place.
    """
    if term.locations is None:
        return
    if term.relational and term.locations.averages:
        raise ValueError(
            f"{type(term.loss).__name__} of the term {term.name!r} compares relations between "
            "places and is no mean over them: leave out `avg` of its locations."
        )
    own = {"student": term.student, **term.teachers}
    sides = {
        name: Side(networks[name], flat(taps), [shapes[name][tap] for tap in flat(taps)], inputs)
        for name, taps in own.items()
    }
    term.locations.fit(term.name, sides, term.labels)
    term.labels = term.locations.labels
    for name, taps in own.items():
        if term.reads_logits and len(flat(taps)) != len(flat(term.logits[name])):
            raise ValueError(
                f"The term {term.name!r} taps {len(flat(taps))} levels of the {name}, and its "
                f"`logits` are {len(flat(term.logits[name]))}: they must be the same levels."
            )


def rows(term: Term, network: str, taps: Taps, shapes: Shapes) -> tuple[int, ...]:
    """Return the shape of what taps of a network give at the term's locations."""
    assert term.locations is not None
    logits = taps == term.logits[network]
    return term.locations.shape(network, [shapes[tap] for tap in flat(taps)], logits)
