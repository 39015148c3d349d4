"""Search for the place where a dense head assigns labels, by one computation of its losses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from mmkd.locations.example import example_samples
from mmkd.locations.label_tap import (
    OVERLAPS,
    READERS,
    LabelTap,
    Read,
    as_rows,
    scores_of,
    tensors,
    watch,
)
from mmkd.networks.heads import ClassScores, enclosing
from mmkd.networks.taps import AllCaught, Tap

Maps = Sequence[Tensor]
ATTEMPTS = 3
KINDS = [kind for kind in READERS if kind != OVERLAPS]


class UnassignedError(ValueError):
    """Error for a head whose labels cannot be found; the message says why, and what to do."""


@dataclass(frozen=True)
class Assigned:
    """Place where a head assigns labels.

    Attributes:
        tap: Tap at which they are read in a step.
        by_image: Whether they come image by image, or level by level with all images in each.
    """

    tap: Tap
    by_image: bool


class Observation:
    """One computation of a dense head's losses, on a copy of its network and on random images.

    Image ``i`` has objects of class ``i`` only, so that each label shows its image.

    Args:
        network: The detector.
        path: Path of its head, or of a part of it.
        inputs: A batch of two images that the detector takes; shape and device are used.
        labels: The user's tap of the labels, if there is one.

    Raises:
        UnassignedError: If there is no dense head, or it cannot compute its losses.
    """

    def __init__(
        self, network: nn.Module, path: str, inputs: Tensor, labels: Tap | None = None
    ) -> None:
        found = enclosing(network, path, "loss_by_feat")
        if found is None:
            raise UnassignedError(
                f"Around '{path}' of {type(network).__name__} lies no dense head: none has a "
                "loss_by_feat."
            )
        self.path, self.kind = found[0], type(found[1]).__name__
        scores = ClassScores.of(network, self.path)
        assert scores is not None
        self.scores = scores
        self._observe(network, inputs, labels)

    def _observe(self, network: nn.Module, inputs: Tensor, labels: Tap | None) -> None:
        """Compute the losses, on other random images if a head fails on the first ones.

        PAA, for instance, fits a mixture to the losses of random weights, which may collapse.
        """
        for attempt in range(ATTEMPTS):
            self.calls: dict[str, list[Any]] = {}
            self.user: list[Read] = []
            self.maps: list[Maps] = []
            try:
                return self._run(deepcopy(network), inputs, labels)
            except Exception as error:  # a foreign network may raise anything
                if attempt == ATTEMPTS - 1:
                    raise UnassignedError(
                        f"{self.kind} cannot compute its losses on two example images of shape "
                        f"{tuple(inputs.shape[1:])}: {type(error).__name__}: {error}. If they are "
                        "too small for its levels, give model.input_shape; else take "
                        "select='confident' and avg='selected', which need no labels, or compare "
                        "features."
                    ) from error

    def _run(self, network: Any, inputs: Tensor, labels: Tap | None) -> None:
        """Compute the losses of a network, and record the inputs of its head and its losses."""
        head: Any = network.get_submodule(self.path)
        names = [name for name, _ in head.named_children() if "loss" in name]
        if hasattr(head, "loss_by_feat_single"):
            names.insert(0, "loss_by_feat_single")
        for name in names:
            watch(head, name, partial(self._call, name))
        if labels is not None:
            labels.hook(network, partial(self._see, labels))
        head.register_forward_hook(lambda _, __, output: self.maps.extend(_levels(output)))
        compute = head.loss_by_feat

        def last(*args: Any, **kwargs: Any) -> None:
            compute(*args, **kwargs)
            raise AllCaught

        head.loss_by_feat = last
        network.train()
        masks = any("mask" in name for name, _ in network.named_modules())
        try:
            with torch.enable_grad(), _first_epoch():
                preprocessor = getattr(network, "data_preprocessor", None)
                rotated = getattr(preprocessor, "boxtype2tensor", True) is False
                samples = example_samples(inputs, self.scores.classes, masks, rotated)
                network(torch.rand_like(inputs), samples, mode="loss")
        except AllCaught:
            pass

    def _call(self, name: str, *arguments: Any) -> None:
        if torch.is_grad_enabled():  # as in the places where taps are read
            self.calls.setdefault(name, []).append(arguments)

    def _see(self, tap: Tap, _: nn.Module, given: Any, output: Any = None) -> None:
        if torch.is_grad_enabled():
            labels = tap.pick(given if tap.input else output)
            width = 1 if labels.is_floating_point() else self.scores.width
            scores = scores_of(labels, tensors(given), width)
            self.user.append(Read(labels.flatten(), scores))

    def check_levels(self, taps: Sequence[Tap]) -> None:
        """Raise ``UnassignedError`` unless there is a tap for each level of the head."""
        levels = len(self.maps[0])
        if len(taps) != levels:
            raise UnassignedError(
                f"{self.kind} assigns labels on {levels} levels, but the term taps {len(taps)} "
                f"({', '.join(map(str, taps))}): tap all of them, such as '{self.path}[:]' or "
                f"'{self.path}[0][:]'."
            )

    def assigned(self, overlaps: bool = False) -> Assigned:
        """Return the place where the head assigns labels.

        Args:
            overlaps: Whether the labels are the overlaps of boxes with their objects.

        Raises:
            UnassignedError: If none of its losses takes a label for each location.
        """
        for kind in (OVERLAPS,) if overlaps else KINDS:
            for name, calls in self.calls.items():
                tap = LabelTap(
                    self.path, input=True, every=True, optional=True, call=name, kind=kind,
                    classes=self.scores.classes, width=self.scores.width,
                )  # fmt: skip
                reads = [tap.read(arguments) for arguments in calls]
                for last in (False, True):
                    orders = self._orders(reads[-1:] if last else reads)
                    if orders:
                        return Assigned(replace(tap, last=last), orders[0] == "images")
        if overlaps:
            raise UnassignedError(
                f"No loss of {self.kind} takes the overlaps of boxes with their objects. A head "
                "such as GFLHead does, whose loss_cls is a QualityFocalLoss."
            )
        raise UnassignedError(
            f"{self.kind} assigns no class to single locations: none of its losses takes a label "
            "for each of them. Take locations=dict(type='mmkd.DenseLocations', "
            "select='confident', avg='selected'), which needs none, or compare features. If the "
            "head is yours, give the term `labels`, a tap of the labels of all locations."
        )

    def verified(self, labels: Tap, order: str | None) -> Assigned:
        """Return the user's tap of the labels, with their order.

        Args:
            labels: The tap.
            order: The order that the user names; ``None`` to determine it.

        Raises:
            UnassignedError: If these are no labels of the locations, or are in another order.
        """
        orders = self._orders(self.user)
        if not orders:
            count = sum(len(read.labels) for read in self.user)
            raise UnassignedError(
                f"'{labels}' gives {count} values on two images, which are no labels of all "
                f"locations of {self.kind}: integers from 0 to {self.scores.classes}, or an "
                "objectness, in the order of levels or of images."
            )
        if order is None and len(orders) > 1 and max(map(len, self.maps)) > 1:
            raise UnassignedError(
                f"The order of the labels at '{labels}' cannot be seen. Give the locations their "
                "`order`: 'levels', all images of a level and then the next level, or 'images'."
            )
        if order is not None and order not in orders:
            raise UnassignedError(
                f"The labels at '{labels}' are in the order of {orders[0]}, not of {order}: write "
                f"order={orders[0]!r}, or leave it out."
            )
        return Assigned(replace(labels, optional=True), (order or orders[0]) == "images")

    def _orders(self, calls: Sequence[Read | None]) -> list[str]:
        """Return the orders of locations that the labels may have.

        If predictions come with the labels, they must be the head's outputs in that order. If
        labels come alone, each image must have only labels of its objects.
        """
        reads = [read for read in calls if read is not None]
        if not reads or len(reads) < len(calls):
            return []
        labels, scores = torch.cat([read.labels for read in reads]), None
        if all(read.scores is not None for read in reads):
            scores = torch.cat([read.scores for read in reads if read.scores is not None])
        if not self._plausible(labels):
            return []
        for maps in self.maps:
            rows = self._rows(maps, self.scores.width if scores is None else scores.shape[1])
            orders = [
                order
                for order, (predicted, images) in rows.items()
                if len(predicted) == len(labels)
                and (self._belong(labels, images) if scores is None else _same(scores, predicted))
            ]
            if orders:
                return orders
        return []

    def _rows(self, maps: Maps, width: int) -> dict[str, tuple[Tensor, Tensor]]:
        """Return maps as rows (R, width), and the image (R,) of each row, in both orders."""
        shared = self.scores.total if width == self.scores.width else None
        total = shared or width
        if any(level.shape[1] % total for level in maps):
            return {}
        rows = [as_rows(level, total)[:, -width:].unflatten(0, (len(level), -1)) for level in maps]
        images = [
            torch.arange(len(level), device=level.device)[:, None].expand(level.shape[:2])
            for level in rows
        ]
        return {
            "levels": (_by_level(rows), _by_level(images)),
            "images": (torch.cat(rows, dim=1).flatten(0, 1), torch.cat(images, dim=1).flatten()),
        }

    def _plausible(self, labels: Tensor) -> bool:
        """Return whether values are in the range of labels, with an object among them."""
        if labels.is_floating_point():
            return bool((labels >= 0).all() and (labels <= 1).all() and (labels > 0).any())
        objects = (labels >= 0) & (labels < self.scores.classes)
        return bool(
            (labels >= -1).all() and (labels <= self.scores.classes).all() and objects.any()
        )

    def _belong(self, labels: Tensor, images: Tensor) -> bool:
        """Return whether each image has only labels of the class of its objects."""
        if labels.is_floating_point():
            return True
        objects = (labels >= 0) & (labels < self.scores.classes)
        return torch.equal(labels[objects], images[objects] % self.scores.classes)


def _by_level(parts: Sequence[Tensor]) -> Tensor:
    """Return parts (N, R_l, ...) of each level as rows, all images of a level before the next."""
    return torch.cat([part.flatten(0, 1) for part in parts])


@contextmanager
def _first_epoch() -> Iterator[None]:
    """Set the epoch to a run's first, for heads such as TOOD's whose losses depend on it."""
    hub = MessageHub.get_current_instance()
    known = "epoch" in hub.runtime_info
    if not known:
        hub.update_info("epoch", 0)
    try:
        yield
    finally:
        if not known:
            hub.pop_info("epoch")


def _same(scores: Tensor, outputs: Tensor) -> bool:
    """Return whether scores are outputs of a head, or their probabilities."""
    scores, outputs = scores.float(), outputs.float()
    return torch.equal(scores, outputs) or torch.allclose(
        scores, outputs.sigmoid(), rtol=0, atol=2e-4
    )


def _levels(output: Any) -> Iterator[Maps]:
    """Yield the lists of maps (N, C, H, W), one per level, in the output of a head."""
    if not isinstance(output, list | tuple) or not output:
        return
    if all(isinstance(level, Tensor) and level.dim() == 4 for level in output):
        yield output
        return
    for item in output:
        yield from _levels(item)
