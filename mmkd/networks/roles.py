"""Roles: names for the tensors that methods use, such as the logits, in any network."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.networks.dry_run import evaluating, in_words
from mmkd.networks.manner import Manner, manner_of
from mmkd.networks.maps import Map, MapFinder
from mmkd.networks.recording import Items, Record, Run, Value, recording
from mmkd.networks.taps import Tap, Taps, flat, parse_taps
from mmkd.networks.tokens import has_class_token, has_grid_behind, leading_tokens

Overrides = Mapping[str, str | Sequence[str]]
ROLES = {
    "logits": "what the class probabilities come from",
    "pooled": "the vector that the classifier reads",
    "map": "the last map or token grid before it is pooled",
    "stages": "the last map of every resolution, or of every quarter of the depth",
    "preact": "the stages before their last activation",
    "levels": "the maps that a neck, or a segmentor's backbone, gives to the heads",
}
SINGLE = ("pooled", "map")
FEATURES = "last_hidden_state"  # the tokens or map that a network of transformers gives
SEEN = 6


class NoRoleError(ValueError):
    """Error for a network that has no tensor of a role."""


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
    used: dict[str, None] = field(default_factory=dict)

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
        search = _Search(network, record, len(inputs), values, manner)
        search.gives_features = isinstance(output, Mapping) and FEATURES in output
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
    if manner.refuses_pixels:
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


class _Search:
    """Search for roles in the record of a forward."""

    def __init__(
        self,
        network: nn.Module,
        record: Record,
        batch: int,
        output: Sequence[Value],
        manner: Manner,
    ) -> None:
        self._network, self._runs, self._output = network, record.runs, output
        self._manner = manner
        counts = Counter(run.path for run in self._runs)
        self._once = [run for run in self._runs if counts[run.path] == 1]
        # The maps of a head are not the network's features; a detector's neck has '@levels'.
        parts = {name for name, _ in network.named_children()}
        if "backbone" in parts:
            whole = manner.detects or manner.segments
            parts = {"backbone"} if whole else parts - {"head"}
        self._maps = MapFinder(network, record, batch, parts)
        self._leading = leading_tokens(network)
        self.gives_features = False

    def find(self, role: str, taps: Mapping[str, list[Tap]]) -> list[Tap]:
        """Return the taps of a role, given the taps of roles that were resolved before."""
        if role == "logits":
            return self._logits()
        if role == "pooled":
            return [self._pooled(taps.get("logits", []))]
        if role == "levels":
            return self._levels()
        if role == "preact":
            if "stages" not in taps:
                raise NoRoleError("it has no '@stages'")
            return [self._before_activation(tap) for tap in taps["stages"]]
        maps = self._maps.maps()[-1:] if role == "map" else self._maps.stages()
        if not maps:
            raise NoRoleError("no module that runs once gives a map (N, C, H, W) or tokens")
        return [self._patches(one) for one in maps]

    def shapes(self, taps: Iterable[Tap]) -> Iterable[tuple[Tap, tuple[int, ...]]]:
        """Yield taps with their shapes, as far as the forward came."""
        for tap in taps:
            run = self._run(tap.path)
            values = {} if run is None else run.given if tap.input else run.output
            if tap.items in values:
                shape = values[tap.items].shape
                yield tap, tuple(tap.chosen(torch.empty(shape, device="meta")).shape)

    def seen(self) -> list[str]:
        """Return the last modules that gave vectors or maps, with their shapes."""
        ends = [run for run in self._once if () in run.output and "." in run.path]
        return [f"'{run.path}' {run.output[()].shape}" for run in ends[-SEEN:]]

    def _run(self, path: str) -> Run | None:
        return next((run for run in self._once if run.path == path), None)

    def _makers(self, value: Value) -> list[Run]:
        """Return the runs that gave a value, the innermost one first."""
        return [run for run in self._once if value in run.output.values()]

    def _patches(self, one: Map) -> Tap:
        """Return the tap of a map, of tokens without the leading ones.

        A map (N, H, W, C) is read as tokens, because losses expect maps with channels first.
        """
        shape = one.value.shape
        if len(shape) == 4 and shape[1] == shape[2] != shape[3]:
            return replace(one.tap, tokens="0:")
        if len(shape) != 3 or not has_grid_behind(shape[1], self._leading):
            return one.tap
        return replace(one.tap, tokens=f"{self._leading}:")

    def _logits(self) -> list[Tap]:
        if self._manner.detects:
            return self._detector_logits()
        if self._manner.refuses_pixels:
            raise NoRoleError(self._manner.refuses_pixels)
        if self._is_headless():
            raise NoRoleError("it ends without a classifier and gives features alone")
        for value in reversed(self._output):
            if makers := self._makers(value):
                return [_tap_of(makers[0], value)]
        if self._output:
            raise NoRoleError("what it gives is computed outside of its modules")
        raise NoRoleError("its forward gives no tensor of logits")

    def _is_headless(self) -> bool:
        """Return whether the network has no classifier: it gives features, or its head is gone."""
        if self.gives_features or getattr(self._network, "head", self._network) is None:
            return True
        makers = [run for value in self._output[-1:] for run in self._makers(value)]
        modules = [self._network.get_submodule(run.path) for run in makers]
        gone = any(type(module) is nn.Identity for module in modules)
        return gone and not (self._has_matrix(makers[0]) and not [*modules[0].children()])

    def _detector_logits(self) -> list[Tap]:
        """Return the class logits of a RoI head's stages, a dense head's levels or queries."""
        stages = [run for run in self._once if run.path.startswith("roi_head.bbox_head")]
        heads = [run for run in stages if (0,) in run.output]
        if heads:
            values = [run.output[0,] for run in heads]
            return [_tap_of(self._makers(value)[0], value) for value in values]
        head = self._run("bbox_head")
        if head is None:
            raise NoRoleError("it has neither a bbox_head nor a roi_head that can be run")
        if () in head.output:
            return [Tap(head.path)]
        strides = getattr(self._network.get_submodule(head.path), "featmap_strides", ())
        by_level = len(strides) > 1 and {*map(len, head.output)} == {1}
        return [Tap(head.path, items=items) for items in head.output if by_level or items[0] == 0]

    def _pooled_of_features(self) -> Tap:
        """Return the vector that a network without a classifier gives, or its class token."""
        vectors = [value for value in self._output if len(value.shape) == 2]
        made = [(self._makers(value), value) for value in vectors if self._makers(value)]
        # A dense layer behind the class token, as in ViTModel, has weights of another task or none.
        if not made or (self.gives_features and any(map(self._has_matrix, made[-1][0]))):
            for one in self._maps.maps()[-1:]:
                tap = self._patches(one)
                if tap.tokens and has_class_token(self._network):
                    return replace(tap, tokens="0")
        if not made:
            raise NoRoleError("it has no classifier, and neither gives a vector nor a class token")
        makers, value = made[-1]
        return _tap_of(makers[0], value)

    def _has_matrix(self, run: Run) -> bool:
        module = self._network.get_submodule(run.path)
        return any(parameter.dim() > 1 for parameter in module.parameters())

    def _pooled(self, logits: Sequence[Tap]) -> Tap:
        if self._manner.segments:
            raise NoRoleError("it classifies pixels, so that no vector of an image is classified")
        if not logits and not self._manner.detects and self._is_headless():
            return self._pooled_of_features()
        if not logits:
            raise NoRoleError("it has no '@logits', whose layer would read it")
        layer = self._run(logits[-1].path)
        inner = (
            []
            if layer is None
            else [
                run
                for run in self._once
                if layer.start <= run.start and run.end <= layer.end and _vector(run) is not None
            ]
        )
        if not inner:
            raise NoRoleError(f"the layer of the logits, '{logits[-1]}', reads no vectors (N, D)")
        reader = inner[-1] if layer not in inner else layer
        assert reader is not None
        items, value = _vector(reader) or ((), reader.taken[0])
        makers = [run for run in self._makers(value) if run.end < reader.start]
        return _tap_of(makers[-1], value) if makers else Tap(reader.path, input=True, items=items)

    def _levels(self) -> list[Tap]:
        neck = self._run("neck")
        if neck is None and self._manner.segments:  # the backbone's maps go to the heads directly
            neck = self._run("backbone")
        maps = (
            []
            if neck is None
            else [
                Tap(neck.path, items=items)
                for items, value in neck.output.items()
                if len(value.shape) == 4
            ]
        )
        if not maps:
            raise NoRoleError("it has no neck that gives maps")
        return maps

    def _before_activation(self, tap: Tap) -> Tap:
        """Return the input of the activation that a stage ends with, or the stage itself."""
        run = self._run(tap.path)
        value = None if run is None or tap.input else run.output.get(tap.items)
        if value is None:
            return tap
        makers = [one for one in self._runs if value in one.output.values()]
        last = makers[0]
        if not _is_activation(self._network.get_submodule(last.path)):
            return tap
        if last not in self._once:
            raise NoRoleError(
                f"the activation at the end of '{tap}', '{last.path}', runs several times in a "
                "forward, so that its last input has no address"
            )
        if value.number == last.given[()].number:
            raise NoRoleError(
                f"the activation at the end of '{tap}', '{last.path}', overwrites its input: "
                "set its inplace=False"
            )
        return Tap(last.path, input=True)


def _tap_of(run: Run, value: Value) -> Tap:
    return Tap(run.path, items=next(items for items, one in run.output.items() if one == value))


def _vector(run: Run) -> tuple[Items, Value] | None:
    """Return the vectors (N, D) among a module's inputs, with the items of their tap."""
    return next(((i, v) for i, v in run.given.items() if len(v.shape) == 2), None)


def _is_activation(module: nn.Module) -> bool:
    """Return whether a module is an activation of torch, mmcv or timm, by where it is defined."""
    place = type(module).__module__.rpartition(".")[2]
    return place in ("activation", "activations", "activations_me", "swish", "hswish")
