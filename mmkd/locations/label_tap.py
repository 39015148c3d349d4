"""Tap of the labels that a dense head assigns, in the calls by which it computes its losses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.networks.taps import Handle, See, Tap, TapError

Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]
OVERLAPS = "overlaps"  # kind of labels that are no classes


@dataclass(frozen=True)
class Read:
    """Labels of R locations, from one call.

    Attributes:
        labels: Shape (R,). Class indices, where the number of classes or -1 means no object; or, of
            floating type, an objectness or an overlap that is positive at objects.
        scores: Predictions at these locations, shape (R, D), if they are among the arguments.
    """

    labels: Tensor
    scores: Tensor | None


@dataclass(frozen=True)
class LabelTap(Tap):
    """Tap of the labels among the arguments of a call, recognised by their content, not position.

    Attributes:
        call: Name of the loss, or of the method, of the head at ``path`` that takes them.
        kind: Way of recognising them, a key of ``READERS``.
        classes: Number of classes of the head.
        width: Number of class scores of the head at a location.
        last: Whether the last call in a step has all labels, and the calls before it have some,
            such as those by which PAA chooses among locations.
    """

    call: str = ""
    kind: str = ""
    classes: int = 0
    width: int = 0
    last: bool = False

    def __str__(self) -> str:
        return f"{self.path}.{self.call}"

    def hook(self, network: nn.Module, see: See) -> Handle:
        head = network.get_submodule(self.path)
        return watch(head, self.call, lambda *arguments: see(head, arguments))

    def pick(self, value: Any) -> Tensor:
        read = self.read(value)
        if read is None:
            raise TapError(
                f"{self} took no labels of the kind that it took when the model was built "
                f"({self.kind}). Say by `labels` of the term where the student assigns them."
            )
        return read.labels

    def join(self, runs: Sequence[Tensor]) -> Tensor:
        return runs[-1] if self.last else super().join(runs)

    def read(self, arguments: Arguments) -> Read | None:
        """Return the labels among the arguments of a call, or ``None`` if there are none."""
        return READERS[self.kind](arguments, self)


@dataclass
class _Method:
    """Handle of a replaced method of a module; removing it restores the method."""

    module: nn.Module
    name: str

    def remove(self) -> None:
        vars(self.module).pop(self.name, None)


def watch(head: nn.Module, name: str, see: Callable[..., None]) -> Handle:
    """Call ``see(args, kwargs)`` before each call of a part or a method of a head."""
    part = getattr(head, name)
    if isinstance(part, nn.Module):
        return part.register_forward_pre_hook(
            lambda _, args, kwargs: see(args, kwargs), with_kwargs=True
        )

    def seen(*args: Any, **kwargs: Any) -> Any:
        see(args, kwargs)
        return part(*args, **kwargs)

    setattr(head, name, seen)
    return _Method(head, name)


def tensors(value: Any) -> list[Tensor]:
    """Return the tensors in a value, or in nested tuples, lists and mappings."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    items = value if isinstance(value, list | tuple) else ()
    return [tensor for item in items for tensor in tensors(item)]


def as_rows(scores: Tensor, width: int) -> Tensor:
    """Return scores as rows (R, D); a map (N, A x D, H, W) gives its rows position by position."""
    if scores.dim() == 4:
        scores = scores.permute(0, 2, 3, 1)
    return scores.reshape(-1, width)


def scores_of(labels: Tensor, given: Sequence[Tensor], width: int) -> Tensor | None:
    """Return the tensor among the arguments that predicts at the labels' places, (R, width)."""
    fitting = [
        tensor
        for tensor in given
        if tensor.is_floating_point() and tensor.numel() == labels.numel() * width
    ]
    fitting.sort(key=lambda tensor: not tensor.requires_grad)
    return as_rows(fitting[0], width) if fitting else None


def _class_indices(arguments: Arguments, tap: LabelTap) -> Read | None:
    """Read integers, one for each place that has class scores."""
    given = tensors(arguments)
    for labels in given:
        if labels.dtype in (torch.int64, torch.int32):
            scores = scores_of(labels, given, tap.width)
            if scores is not None:
                return Read(labels.flatten(), scores)
    return None


def _positive_indices(arguments: Arguments, tap: LabelTap) -> Read | None:
    """Read ``pos_inds`` and ``pos_labels``, indices of objects among the scores, and classes."""
    given, named = tensors(arguments[0]), arguments[1]
    if not given or not {"pos_inds", "pos_labels"} <= named.keys():
        return None
    scores = given[0].reshape(-1, tap.width)
    labels = torch.full(scores.shape[:1], tap.classes, device=scores.device)
    if named["pos_inds"] is not None:
        labels[named["pos_inds"]] = named["pos_labels"]
    return Read(labels, scores)


def _class_targets(arguments: Arguments, tap: LabelTap) -> Read | None:
    """Read targets (..., C) of all class scores, which are 0 except for the class of an object."""
    pair = _prediction_and_target(arguments)
    if pair is None or pair[0].shape[-1] != tap.classes:
        return None
    scores, targets = (values.flatten(0, -2) for values in pair)
    greatest, labels = targets.max(-1)
    return Read(labels.masked_fill(greatest <= 0, tap.classes), scores)


def _objectness(arguments: Arguments, tap: LabelTap) -> Read | None:
    """Read targets of an objectness, one number for each place."""
    pair = _prediction_and_target(arguments)
    if pair is None:
        return None
    return Read(pair[1].flatten(), pair[0].reshape(-1, 1))


def _overlaps(arguments: Arguments, tap: LabelTap) -> Read | None:
    """Read the IoU of each place's box and its object, 0 without one: QualityFocalLoss's target."""
    read, target = _class_indices(arguments, tap), [*arguments[0][1:2]]
    if read is None or not target or not isinstance(target[0], tuple | list):
        return None
    classes, overlaps = (given.flatten() for given in tensors(target[0])[:2])
    objects = (classes >= 0) & (classes < tap.classes)
    smallest = torch.finfo(overlaps.dtype).tiny  # an object counts even if the box misses it
    return Read(overlaps.detach().clamp(min=smallest) * objects, read.scores)


def _prediction_and_target(arguments: Arguments) -> tuple[Tensor, Tensor] | None:
    """Return the first two arguments of a loss, if they are float and of one shape."""
    pair = [tensor for tensor in arguments[0][:2] if isinstance(tensor, Tensor)]
    if len(pair) < 2 or pair[0].shape != pair[1].shape or not pair[1].is_floating_point():
        return None
    return pair[0], pair[1]


# The more a kind tells about the labels, the earlier it comes.
READERS: Mapping[str, Callable[[Arguments, LabelTap], Read | None]] = {
    "class indices": _class_indices,
    "positive indices": _positive_indices,
    "class targets": _class_targets,
    "objectness": _objectness,
    OVERLAPS: _overlaps,
}
