"""Locations of dense heads: rows of their maps."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmkd.locations.assigned_labels import Observation, UnassignedError
from mmkd.locations.locations import (
    Locations,
    Maps,
    Selection,
    Shape,
    Side,
    check_no_labels,
    title,
)
from mmkd.networks.heads import ClassScores, activation_of, enclosing, has_objectness
from mmkd.networks.taps import Tap
from mmkd.registry import MODELS

SELECTIONS = ("all", "positives", "confident")
AVERAGES = ("selected", "positives")
ORDERS = ("levels", "images")


@MODELS.register_module()
class DenseLocations(Locations):
    """Compare dense heads location by location, like RoI heads RoI by RoI.

    The maps of a head, one (N, A x D, H, W) for each level, become rows (R, D): one for each of the
    A priors at each location. Both heads must have the same levels, strides and priors.

    Args:
        select: Locations that are compared: ``'all'``; ``'positives'``, to which the student
            assigns an object while it computes its task losses; or ``'confident'``, at which the
            greatest class probability of a teacher exceeds the threshold.
        threshold: The threshold of that probability.
        avg: Divisor of a mean over locations: their number, ``'selected'``; or ``'positives'``, the
            number of positive locations, averaged over processes and at least 1, as in mmdet's
            losses. Of all locations, hundreds of thousands are easy background, so that a mean over
            all almost vanishes. If no location is selected, the loss is 0, with a graph.
        order: Order of the labels at the term's ``labels`` tap: ``'levels'``, all images of a level
            and then the next level, or ``'images'``. By default the order is determined, and so are
            the labels if the term has no such tap: when the model is built, the student's head
            computes its losses once, on a copy and on random images.
        overlaps: Whether the labels are overlaps in place of classes: the IoU of the box at each
            location with its object, and 0 without an object. Heads such as GFL's, with a
            QualityFocalLoss, compute it.
    """

    def __init__(
        self,
        select: str = "positives",
        threshold: float = 0.1,
        avg: str = "selected",
        order: str | None = None,
        overlaps: bool = False,
    ) -> None:
        if select not in SELECTIONS:
            raise ValueError(f"select must be one of {SELECTIONS}, not {select!r}.")
        if avg not in AVERAGES:
            raise ValueError(f"avg must be one of {AVERAGES}, not {avg!r}.")
        if order not in (None, *ORDERS):
            raise ValueError(f"order must be one of {ORDERS}, not {order!r}.")
        if not 0 <= threshold < 1:
            raise ValueError(f"The threshold is a probability, not {threshold}.")
        self.selects, self.threshold, self.avg, self.order = select, threshold, avg, order
        self.reads_logits = select == "confident"
        self.averages, self.overlaps = avg == "positives", overlaps
        self._priors: dict[str, list[int]] = {}

    def check(self, term: str, name: str, network: nn.Module) -> None:
        if hasattr(network, "forward_transformer"):
            raise ValueError(
                f"The {name} of the term {term!r} is a {type(network).__name__}, whose queries lie "
                "at no locations. Take locations=dict(type='mmkd.MatchedQueries')."
            )
        if any(hasattr(part, "loc_filter_thr") for part in network.modules()):
            raise ValueError(
                f"The {name} of the term {term!r} is a {type(network).__name__} with guided "
                "anchors, whose head classifies single images, where it expects objects, when it "
                "does not train: it cannot teach by its logits. Compare features, such as "
                "student='neck[:]', teacher='neck[:]'."
            )

    def fit(self, term: str, sides: Mapping[str, Side], labels: Tap | None) -> None:
        self._priors = {name: _priors(term, name, side) for name, side in sides.items()}
        self._scores = {
            name: ClassScores.of(side.network, side.taps[0].path) for name, side in sides.items()
        }
        for name, side in sides.items():
            if name != "student":
                _compare(term, name, sides["student"], side)
                self._compare_priors(term, name, sides)
        student = sides["student"]
        path = student.taps[0].path
        if self.selects == "confident" and has_objectness(student.network, path):
            raise ValueError(
                f"The term {term!r} selects locations by the teacher's class probabilities, but "
                "this head learns them at objects only, beside an objectness. Take "
                "select='positives'."
            )
        self._find_labels(term, student, labels)
        scores = self._scores["student"]
        self._classes = None if scores is None else scores.classes
        self._softmax = activation_of(student.network, path) == "softmax"

    def _find_labels(self, term: str, student: Side, labels: Tap | None) -> None:
        """Decide at which tap labels are read, and in which order the rows are."""
        self.labels, self._by_image = None, False
        path = student.taps[0].path
        if self.overlaps:
            check_no_labels(term, labels, "places by the overlaps that its head computes")
        try:
            seen = Observation(student.network, path, student.inputs, labels)
            seen.check_levels(student.taps)
            if labels is None:
                assigned = seen.assigned(self.overlaps)
            else:
                assigned = seen.verified(labels, self.order)
        except UnassignedError as error:
            needed = self.overlaps or "positives" in (self.selects, self.avg)
            if labels is not None or needed:
                raise ValueError(
                    f"The term {term!r} cannot read the labels of the student's locations. {error}"
                ) from error
            return
        self.labels, self._by_image = assigned.tap, assigned.by_image

    def _compare_priors(self, term: str, name: str, sides: Mapping[str, Side]) -> None:
        if self._priors["student"] != self._priors[name]:
            raise ValueError(
                f"The student's head has {self._priors['student']} priors at a location of each "
                f"level and that of the teacher {name!r} has {self._priors[name]}: the term "
                f"{term!r} cannot compare them one by one. Compare features."
            )
        own, theirs = (_anchors(sides[side]) for side in ("student", name))
        if max(self._priors[name]) == 1 or own is None or theirs is None:
            return
        if len(own) != len(theirs) or any(
            a.shape != b.shape or not torch.allclose(a.cpu(), b.cpu())
            for a, b in zip(own, theirs, strict=True)
        ):
            raise ValueError(
                f"The anchors of the student and of the teacher {name!r} differ, so that the term "
                f"{term!r} would compare different boxes. Give both the same anchor_generator, or "
                "compare features."
            )

    def flatten(self, network: str, outputs: Maps) -> Tensor:
        rows = []
        for level, priors in zip(outputs, self._priors[network], strict=True):
            count, channels = level.shape[:2]
            rows.append(level.permute(0, 2, 3, 1).reshape(count, -1, channels // priors))
        if self._by_image:
            return torch.cat(rows, dim=1).flatten(0, 1)
        return torch.cat([level.flatten(0, 1) for level in rows])

    def logits(self, network: str, outputs: Maps) -> Tensor:
        scores, rows = self._scores[network], self.flatten(network, outputs)
        return rows if scores is None else scores.of_rows(rows)

    def select(
        self,
        student: Tensor,
        logits: Mapping[str, Tensor],
        extras: Mapping[str, Mapping[Tap, Tensor]],
        labels: Tensor | None,
        data_samples: Any,
    ) -> Selection:
        positive = None
        if labels is not None:
            labels, positive = self._read(labels, len(student))
        if self.selects == "positives" and positive is not None:
            rows = positive.nonzero()[:, 0]
        elif self.selects == "confident":
            rows = self._confident(logits).nonzero()[:, 0]
        else:
            rows = torch.arange(len(student), device=student.device)
        factor = None
        if self.avg == "positives" and positive is not None:
            found = positive.sum().float()
            all_reduce(found, "mean")
            factor = max(found.item(), 1.0)
        return Selection(
            dict.fromkeys(self._priors, rows), None if labels is None else labels[rows], factor
        )

    def _read(self, labels: Tensor, count: int) -> tuple[Tensor | None, Tensor]:
        """Return the labels of all rows, unless objectness, and whether each row is positive."""
        labels = labels.flatten()
        if len(labels) != count:
            raise RuntimeError(
                f"The tap {self.labels} gives {len(labels)} labels, but the student has {count} "
                "locations. Tap the labels of every location of all levels."
            )
        if labels.is_floating_point():  # overlaps, or targets of objectness
            return labels if self.overlaps else None, labels > 0
        positive = labels >= 0
        return labels, positive if self._classes is None else positive & (labels < self._classes)

    def _confident(self, logits: Mapping[str, Tensor]) -> Tensor:
        """Return for each row whether a teacher's probability of a class exceeds the threshold."""
        confident = []
        for name, values in logits.items():
            if name == "student":
                continue
            if self._softmax:  # background comes last
                scores = values.float().softmax(-1)[:, :-1]
            else:
                scores = values.float().sigmoid()
            confident.append(scores.amax(-1) > self.threshold)
        return torch.stack(confident).any(0)


def _priors(term: str, name: str, side: Side) -> list[int]:
    """Return the number of priors at a location of each tapped level."""
    who = title(name)
    for tap, shape in zip(side.taps, side.shapes, strict=True):
        if len(shape) != 4:
            raise ValueError(
                f"The term {term!r} compares dense maps (N, C, H, W), but '{tap}' of the {who} has "
                f"shape {shape}. Tap what a dense head gives, such as 'bbox_head[0][:]'."
            )
    generator = _generator(side)
    if generator is None:
        head = enclosing(side.network, side.taps[0].path, "loss_by_feat")
        raise ValueError(
            f"The term {term!r} taps '{side.taps[0]}' of the {who}, "
            + (
                "around which no dense head lies. Tap what a dense head gives, such as "
                "'bbox_head[0][:]'."
                if head is None
                else f"but {type(head[1]).__name__} has no prior_generator: its outputs are maps "
                "of points or masks, not of priors to which classes belong. Compare features, such "
                "as student='neck[:]', teacher='neck[:]'."
            )
        )
    counts = list(generator.num_base_priors)
    if len(counts) != len(side.taps):
        if len(set(counts)) > 1:
            raise ValueError(f"The term {term!r} must tap all {len(counts)} levels of the {who}.")
        counts = counts[:1] * len(side.taps)
    return counts


def _compare(term: str, name: str, student: Side, teacher: Side) -> None:
    """Raise if the levels of the two networks differ in size."""
    own, theirs = ([shape[2:] for shape in side.shapes] for side in (student, teacher))
    if own != theirs:
        raise ValueError(
            f"The student's maps have sizes {_sizes(own)} and those of the teacher {name!r} have "
            f"{_sizes(theirs)}: the term {term!r} cannot compare them location by location. "
            "Tap levels of the same strides, or compare features."
        )


def _sizes(shapes: list[Shape]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


def _anchors(side: Side) -> list[Tensor] | None:
    anchors = getattr(_generator(side), "base_anchors", None)
    return None if anchors is None else list(anchors)


def _generator(side: Side) -> Any:
    """Return the prior generator of a head; in guided-anchor and SABL heads it has another name."""
    found = enclosing(side.network, side.taps[0].path, "prior_generator", "square_anchor_generator")
    if found is None:
        return None
    generator = getattr(found[1], "prior_generator", None)
    return getattr(found[1], "square_anchor_generator", None) if generator is None else generator
