"""Search for the tensors that roles stand for, in the record of a network's forward."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import nn

from mmkd.networks.manner import Manner
from mmkd.networks.maps import Map, MapFinder
from mmkd.networks.recording import Items, Record, Run, Value
from mmkd.networks.taps import Tap
from mmkd.networks.tokens import has_class_token, has_grid_behind, leading_tokens

SEEN = 6
LAST = (-1,)  # last item of a tuple, or the tensor itself if it is not in a tuple


class NoRoleError(ValueError):
    """Error for a network that has no tensor of a role."""


class RoleSearch:
    """Search for roles in the record of a forward.

    Args:
        network: The network.
        record: The record.
        batch: Number of images in the forward.
        output: Values in the network's output.
        manner: The manner in which the network ran.
        gives_features: Whether its output says that it consists of features, by a key such as
            ``last_hidden_state``.
    """

    def __init__(
        self,
        network: nn.Module,
        record: Record,
        batch: int,
        output: Sequence[Value],
        manner: Manner,
        gives_features: bool = False,
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
        self._gives_features = gives_features

    def find(self, role: str, taps: Mapping[str, list[Tap]]) -> list[Tap]:
        """Return the taps of a role, given the taps of roles that were resolved before."""
        if role == "logits":
            return self._logits()
        if role == "pooled":
            return [self._pooled(taps.get("logits", []))]
        if role == "levels":
            return self._levels()
        if role == "masks":
            return self._of_mask_queries(1)
        if role == "memory":
            return self._memory()
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
            items = () if tap.items == LAST and () in values else tap.items
            if items in values:
                shape = values[items].shape
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
            return self._in_training(one.tap)
        return replace(one.tap, tokens=f"{self._leading}:")

    def _in_training(self, tap: Tap) -> Tap:
        """Return the tap of a segmentor's only map in a form that also fits training.

        In training, backbones such as DDRNet's give a map for the auxiliary head before this map.
        """
        only = self._manner.segments and tap == Tap("backbone")
        return replace(tap, items=LAST) if only else tap

    def _logits(self) -> list[Tap]:
        if self._manner.mask_head is not None:
            return self._of_mask_queries(0)
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
        if self._gives_features or getattr(self._network, "head", self._network) is None:
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
        if self._manner.refuses_rois:
            raise NoRoleError(f"its RoI head {self._manner.refuses_rois}")
        head = self._run("bbox_head")
        if head is None:
            raise NoRoleError("it has neither a bbox_head nor a roi_head that can be run")
        if () in head.output:
            return [Tap(head.path)]
        strides = getattr(self._network.get_submodule(head.path), "featmap_strides", ())
        by_level = len(strides) > 1 and {*map(len, head.output)} == {1}
        return [Tap(head.path, items=items) for items in head.output if by_level or items[0] == 0]

    def _of_mask_queries(self, item: int) -> list[Tap]:
        """Return the tap of the last layer's class logits (item 0) or mask logits (item 1).

        The layers are a list, or one tensor as in MaskFormer.
        """
        path = self._manner.mask_head
        if path is None:
            raise NoRoleError("it has no queries that give masks")
        run = self._run(path)
        if run is None:
            raise NoRoleError(f"its '{path}' could not be run")
        return [Tap(path, items=[items for items in run.output if items[0] == item][-1])]

    def _memory(self) -> list[Tap]:
        run = self._run("encoder")
        if not self._manner.detects or run is None or len(run.output[()].shape) != 3:
            raise NoRoleError("it is no detector with an encoder of tokens (N, L, C)")
        return [Tap(run.path)]

    def _pooled_of_features(self) -> Tap:
        """Return the vector that a network without a classifier gives, or its class token."""
        vectors = [value for value in self._output if len(value.shape) == 2]
        made = [(self._makers(value), value) for value in vectors if self._makers(value)]
        # A dense layer behind the class token, as in ViTModel, has weights of another task or none.
        if not made or (self._gives_features and any(map(self._has_matrix, made[-1][0]))):
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
                self._in_training(Tap(neck.path, items=items))
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
