"""Terms that compare a teacher head's predictions from the student's features (CrossKD)."""

from typing import Any

from mmkd.locations import DenseLocations
from mmkd.networks.taps import Tap, flat
from mmkd.teachers import CrossHead
from mmkd.terms.draft import Draft
from mmkd.terms.networks import Networks


def tap_towers(draft: Draft, networks: Networks) -> None:
    """Let a term with ``cross`` also read the features in the heads of its networks.

    Args:
        draft: The term, with the taps of all levels.
        networks: The networks.

    Raises:
        ValueError: If the term has no dense locations, or a network no such module.
    """
    path = draft.settings.cross
    if path is None:
        return
    if not isinstance(draft.locations, DenseLocations):
        raise ValueError(
            f"The term {draft.name!r} has cross={path!r}, which runs a dense head on: give it "
            "locations=dict(type='mmkd.DenseLocations', select='all')."
        )
    for name, taps in draft.sides.items():
        network = networks.network(name)
        Tap(f"{path}.activate").check(network)
        activation: Any = network.get_submodule(f"{path}.activate")
        activation.inplace = False  # it would overwrite the tensor before it is read
        draft.towers[name] = [
            Tap(f"{path}.activate", input=True, run=level) for level in range(len(flat(taps)))
        ]


def cross_heads(draft: Draft, networks: Networks) -> dict[str, CrossHead]:
    """Return the heads through which a term passes the student's features, by teacher.

    Raises:
        ValueError: If a head cannot be run from the convolution on.
    """
    path, heads = draft.settings.cross, dict[str, CrossHead]()
    for name, taps in draft.teachers.items() if path is not None else ():
        assert path is not None
        teacher, towers = networks.teachers[name], draft.towers[name]
        try:
            heads[name] = CrossHead(name, teacher, path, towers, flat(taps), networks.inputs)
        except ValueError as error:
            raise ValueError(f"The term {draft.name!r} cannot cross. {error}") from error
    return heads
