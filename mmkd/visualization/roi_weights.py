"""A term's weights of the regions of interest of an image."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmkd.distillers import Distiller, Step
from mmkd.networks.taps import Tap
from mmkd.terms.term import Term

BACKGROUND = "background"
TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class RoIWeights:
    """Regions of interest (RoIs) of one image in one training step.

    Attributes:
        boxes: Left, top, right and bottom in pixels of the network's input, shape (R, 4).
        weights: The term's weight of each RoI, shape (R,).
        student: The student's class probabilities, shape (R, C).
        teacher: The teacher's class probabilities, shape (R, C).
        classes: Names of the C classes.
    """

    boxes: Tensor
    weights: Tensor
    student: Tensor
    teacher: Tensor
    classes: list[str]

    @property
    def objects(self) -> Tensor:
        """Whether the teacher classifies each RoI as an object, not as background, shape (R,)."""
        likeliest = self.teacher.argmax(1).tolist()
        return torch.tensor([self.classes[index] != BACKGROUND for index in likeliest])

    def summary(self) -> str:
        """Return a sentence on the share of the weight that the teacher's objects have."""
        objects = self.objects
        share = float(self.weights[objects].sum() / self.weights.sum().clamp(min=TINY))
        return (
            f"{int(objects.sum())} of {len(objects)} RoIs are objects to the teacher; they have "
            f"{share:.0%} of the weight"
        )

    def heaviest(self, count: int, overlap: float = 0.5) -> list[int]:
        """Return the indices of the heaviest RoIs in order, without near copies of heavier ones.

        Args:
            count: Maximum number of RoIs.
            overlap: Intersection over union at which a RoI counts as a near copy.
        """
        # Numbers of pixels of the boxes' overlaps, and of the boxes.
        corners = torch.maximum(self.boxes[:, None, :2], self.boxes[None, :, :2])
        ends = torch.minimum(self.boxes[:, None, 2:], self.boxes[None, :, 2:])
        both = (ends - corners).clamp(min=0).prod(-1)
        sizes = (self.boxes[:, 2:] - self.boxes[:, :2]).prod(-1)
        copies = both >= overlap * (sizes[:, None] + sizes - both)
        chosen: list[int] = []
        for index in self.weights.argsort(descending=True).tolist():
            if len(chosen) < count and not copies[index, chosen].any():
                chosen.append(index)
        return chosen


def roi_weights(
    distiller: Distiller,
    step: Step,
    term: str,
    classes: Sequence[str],
    teacher: str | None = None,
    image: int = 0,
) -> RoIWeights:
    """Read the RoIs of an image, both networks' predictions for them, and their weights.

    Args:
        distiller: The distiller; its student is a two-stage detector.
        step: The step, from :meth:`mmkd.distillers.Distiller.observe`.
        term: Name of the term.
        classes: Names of the student's classes, without background.
        teacher: Name of the teacher, by default the term's first.
        image: The image's index in the batch.

    Raises:
        ValueError: If the term does not weigh RoIs, or the image has none.
    """
    if not distiller.manner.roi_taps:
        name = type(distiller.student).__name__
        raise ValueError(f"{name} has no RoIs: it is no two-stage detector.")
    weighing = _weighing_term(distiller, term)
    teacher = next(iter(weighing.teacher_taps)) if teacher is None else teacher
    if teacher not in weighing.teacher_taps:
        listed = ", ".join(weighing.teacher_taps)
        raise ValueError(f"The term {term!r} has no teacher {teacher!r}; it has {listed}.")
    student_tap, teacher_tap = weighing.logit_taps["student"], weighing.logit_taps[teacher]
    if not isinstance(student_tap, Tap) or not isinstance(teacher_tap, Tap):
        raise ValueError(f"The term {term!r} weighs places on several levels, no RoIs.")
    student, own = step.features["student"][student_tap], step.features[teacher][teacher_tap]
    rois = step.features["student"][_roi_tap(distiller, student_tap)]
    weights = step.terms[term].weight
    assert weights is not None
    weights = weights[list(weighing.teacher_taps).index(teacher)]
    if not len(rois) == len(weights) == len(student):
        raise ValueError(
            f"The term {term!r} weighs {len(weights)} samples, which are not the {len(rois)} RoIs."
        )
    here = rois[:, 0] == image
    if not here.any():
        raise ValueError("The image has no RoI.")
    names = _class_names(classes, student.shape[-1])
    class_map = weighing.class_maps.get(teacher)
    if class_map is not None:
        student, own = class_map.of_student(student), class_map.of_teacher(own)
        if class_map.partial:
            names = [names[index] for index in class_map.student_classes]
    return RoIWeights(
        rois[here, 1:].detach().float().cpu(),
        weights[here].float().cpu(),
        student[here].detach().float().softmax(1).cpu(),
        own[here].float().softmax(1).cpu(),
        names,
    )


def _weighing_term(distiller: Distiller, name: str) -> Term:
    weighing = [key for key, term in distiller.terms.items() if term.weighs]
    if name not in distiller.terms:
        raise ValueError(f"There is no term {name!r}; there are {', '.join(distiller.terms)}.")
    if name not in weighing:
        others = f"Terms with weights: {', '.join(weighing)}." if weighing else "No term has any."
        raise ValueError(f"The term {name!r} has no sample weight: RoIs weigh the same. {others}")
    return distiller.terms[name]


def _roi_tap(distiller: Distiller, logits: Tap) -> Tap:
    """Return the tap of the RoIs that belong to a tap of logits; a cascade has one per stage."""
    stage = re.match(r"roi_head\.bbox_head\.(\d+)\.", logits.path)
    return distiller.manner.roi_taps[int(stage[1]) if stage else 0]


def _class_names(classes: Sequence[str], count: int) -> list[str]:
    """Return the logits' names. A RoI head's last logit is background, if the head has one."""
    names = [*classes, BACKGROUND][:count]
    if len(names) < count:
        raise ValueError(f"The student has {count} logits, but the data {len(classes)} classes.")
    return names
