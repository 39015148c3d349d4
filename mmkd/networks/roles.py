"""Roles: names for the tensors that methods use, such as the logits, in any network."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from mmkd.networks.dry_run import evaluating, in_words
from mmkd.networks.manner import Manner, manner_of
from mmkd.networks.recording import Record, Value, recording
from mmkd.networks.role_search import NoRoleError, RoleSearch
from mmkd.networks.taps import Tap, Taps, flat, parse_taps
from mmkd.typed import OrderedSet

Overrides = Mapping[str, str | Sequence[str]]
ROLES = {
    "logits": "what the class probabilities come from",
    "pooled": "the vector that the classifier reads",
    "map": "the last map or token grid before it is pooled",
    "stages": "the last map of every resolution, or of every quarter of the depth",
    "preact": "the stages before their last activation",
    "levels": "the maps that a neck, or a segmentor's backbone, gives to the heads",
    "memory": "the tokens that a detector's encoder gives to its decoder",
    "masks": "the mask logits of queries, beside their class logits",
}
SINGLE = ("pooled", "map", "memory", "masks")
FEATURES = "last_hidden_state"  # the tokens or map that a network of transformers gives


@dataclass
class Roles:
    """Taps of one network that the roles stand for.

    Attributes:
        who: Name of the network in errors, such as ``'student'``.
        kind: Class of the network.
        input_shape: Shape (N, C, H, W) of the input in the dry run.
        taps: The taps of each role that was resolved. ``pooled`` and ``map`` have one; ``logits``
            have one, or several if a dense head has levels or a cascade has stages.
        shapes: The shape at each of these taps, if the dry run reached it.
        missing: The reason why a role could not be resolved, by role.
        seen: The modules of the dry run that may be candidates, with their shapes, for errors.
        error: The reason why the network's forward ended early, if it did.
        sealed: The reason why the network has no roles inside, if it says one.
        used: The roles that were resolved, as an ordered set.
    """

    who: str
    kind: str
    input_shape: tuple[int, ...]
    taps: dict[str, list[Tap]]
    shapes: dict[Tap, tuple[int, ...]]
    missing: dict[str, str]
    seen: list[str]
    error: str | None = None
    sealed: str | None = None
    used: OrderedSet[str] = field(default_factory=dict)

    @classmethod
    def find(
        cls,
        who: str,
        network: nn.Module,
        inputs: Tensor,
        overrides: Overrides | None = None,
    ) -> "Roles":
        """Find the roles of a network by one forward in which every module is watched.

        The user's settings come first, then the attributes ``roles`` of the network's parts, dicts
        of taps within the part, then the results of the forward.

        Args:
            who: Name of the network in errors.
            network: The network.
            inputs: An example of its input (N, C, H, W), of square images.
            overrides: Taps by role, from the user.

        Raises:
            ValueError: If ``overrides`` contains an unknown role or a module that the network
                lacks.
        """
        manner = manner_of(network)
        said = _declared(network) | _checked(who, network, overrides or {})
        error, output = None, None
        with evaluating(network), recording(network) as record:
            try:
                output = manner.forward(network, inputs, _parts(network, manner))
            except Exception as raised:  # a foreign network may raise anything
                error = in_words(raised)
            values = _output(record, output)
        features = isinstance(output, Mapping) and FEATURES in output
        search = RoleSearch(network, record, len(inputs), values, manner, features)
        taps, missing = dict(said), dict[str, str]()
        for role in ROLES:
            if role not in taps:
                try:
                    taps[role] = search.find(role, taps)
                except NoRoleError as reason:
                    missing[role] = str(reason)
        shapes = {tap: shape for some in taps.values() for tap, shape in search.shapes(some)}
        kind, shape, seen = type(network).__name__, tuple(inputs.shape), search.seen()
        sealed = getattr(network, "sealed", None)
        return cls(who, kind, shape, taps, shapes, missing, seen, error, sealed)

    def resolve(self, tap: Tap) -> Taps:
        """Return the tap, or the list of taps, that a role stands for.

        Args:
            tap: Tap of a role, such as ``'@map'``, ``'@stages'``, ``'@stages[-1]'``.

        Raises:
            NoRoleError: If the network has no such tensor.
        """
        role = tap.role or ""
        if role not in ROLES:
            listed = ", ".join(f"'@{name}' ({what})" for name, what in ROLES.items())
            raise NoRoleError(f"'{tap}' is no role. There are {listed}.")
        if role not in self.taps:
            raise NoRoleError(self._why_not(role))
        taps = self.taps[role]
        self.used[role] = None
        if not tap.items:
            return taps[0] if role in SINGLE or (role == "logits" and len(taps) == 1) else taps
        item = tap.items[0]
        if item is None:
            return taps
        if len(tap.items) > 1 or not -len(taps) <= item < len(taps):
            raise NoRoleError(
                f"'{tap}' names no item of '@{role}' of the {self.who}, which has {len(taps)}: "
                f"{', '.join(map(str, taps))}."
            )
        return taps[item]

    def _why_not(self, role: str) -> str:
        if self.error is not None:
            remedy = "Give the real one as model.input_shape=(channels, height, width)."
            if self.who.startswith("teacher"):
                remedy = (
                    "Does it want other channels than the student or, by the teacher's "
                    "`input_size`, another size?"
                )
            return (
                f"The {self.who} cannot take an input of shape {self.input_shape} as far as its "
                f"'@{role}' ({ROLES[role]}): {self.error}. {remedy}"
            )
        if self.sealed is not None:
            return f"The {self.who} has no '@{role}' ({ROLES[role]}): {self.sealed}."
        return (
            f"No '@{role}' ({ROLES[role]}) was found in the {self.who}, a {self.kind}: "
            f"{self.missing[role]}. Seen were {', '.join(self.seen) or 'no outputs'}. Write a "
            f"module's path in place of the role, or set roles=dict({role}={_form(role)}) for the "
            f"{self.who.partition(' ')[0]}."
        )

    def single(self, text: str) -> Tap:
        """Return the single tap that a text names, as a module or a role.

        Raises:
            ValueError: If it names several taps, or a role that the network lacks.
        """
        tap = Tap.parse(text)
        resolved = self.resolve(tap) if tap.role else tap
        if not isinstance(resolved, Tap):
            raise ValueError(
                f"'{text}' of the {self.who} is {len(resolved)} tensors, but one is needed here: "
                f"write '{text}[0]' or '{text}[-1]'."
            )
        return resolved

    def describe(self) -> str:
        """Return one line with the taps of the roles in use, and the shapes in the dry run."""
        parts = []
        for role in self.used:
            taps = [f"'{tap}' {self.shapes.get(tap, '')}".strip() for tap in self.taps[role]]
            parts.append(f"@{role} = {', '.join(taps)}")
        return f"Roles of the {self.who} ({self.kind}): {'; '.join(parts)}."


def _form(role: str) -> str:
    return "'path.of.module'" if role in SINGLE or role == "logits" else "['first', 'second', ...]"


def _checked(who: str, network: nn.Module, overrides: Overrides) -> dict[str, list[Tap]]:
    """Read the user's settings of a network's roles."""
    if unknown := set(overrides) - set(ROLES):
        raise ValueError(
            f"roles of the {who} names {', '.join(sorted(unknown))}, but the roles are "
            f"{', '.join(ROLES)}."
        )
    said = {role: flat(parse_taps(text)) for role, text in overrides.items()}
    for role, taps in said.items():
        for tap in taps:
            if tap.role:
                raise ValueError(f"roles of the {who} gives '{tap}' for {role}: give a module.")
            tap.check(network)
        if role in SINGLE and len(taps) != 1:
            raise ValueError(f"roles of the {who} gives {len(taps)} taps for {role}: give one.")
    return said


def _declared(network: nn.Module) -> dict[str, list[Tap]]:
    """Return the roles that the network's parts declare, as taps of the network."""
    declared = dict[str, list[Tap]]()
    for name, part in network.named_children():
        roles = getattr(part, "roles", None)
        if isinstance(roles, Mapping):
            for role, texts in roles.items():
                declared[role] = [Tap.parse(f"{name}.{text}") for text in texts]
    return declared


def _parts(network: nn.Module, manner: Manner) -> list[Tap]:
    """Return taps by which the network runs as far as it can."""
    refused = {"rpn_head"}
    if manner.refuses_rois:
        refused.add("roi_head")
    if manner.refuses_pixels and manner.mask_head is None:
        refused.add("decode_head")
    return [Tap(name) for name, _ in network.named_children() if name not in refused]


def _output(record: Record, output: Any) -> list[Value]:
    """Return the floating-point tensors in a network's output."""
    if isinstance(output, Mapping):
        output = [output["logits"]] if "logits" in output else [*output.values()]
    return [value for value in record.values(output).values() if len(value.shape) > 1]


def examine(
    finders: Mapping[str, Callable[[Tensor], Roles]], examples: Iterable[Tensor]
) -> tuple[Tensor, dict[str, Roles]]:
    """Find the roles of networks on the first example that all of them can take.

    Args:
        finders: Functions that find the roles of a network on an example, by the network's name.
        examples: Examples of the input (N, C, H, W), the most likely one first.

    Returns:
        The example and the roles by name. If no example suits all networks, it is the one on which
        the fewest fail, and their :attr:`Roles.error` has the reason.
    """
    best: tuple[int, Tensor, dict[str, Roles]] | None = None
    for inputs in examples:
        roles = {name: find(inputs) for name, find in finders.items()}
        failed = sum(found.error is not None for found in roles.values())
        if best is None or failed < best[0]:
            best = failed, inputs, roles
        if not failed:
            break
    assert best is not None
    return best[1], best[2]
