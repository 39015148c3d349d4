"""Similarity of the features of a student and its teacher, and its figure."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from torch import Tensor

from mmkd.benchmark.evaluated import validation_loader
from mmkd.distillers import Distiller
from mmkd.evaluation.similarity import SMALLEST, LinearCKA
from mmkd.networks.roles import Roles
from mmkd.networks.taps import Tap, run_tapped
from mmkd.visualization.style import styled

# Roles whose tensors have a first dimension of images.
COMPARED = ("stages", "levels", "pooled")
BATCHES = 20  # default number of batches that are compared
BATCH = 8  # minimum number of images in a batch; detectors are often evaluated one by one


@dataclass(frozen=True)
class Similarity:
    """CKA of features of a student and a teacher.

    Attributes:
        values: Shape (S, T).
        student: Names of the S features of the student, shallow to deep.
        teacher: Names of the T features of the teacher.
        samples: Number of images.
    """

    values: Tensor
    student: list[str]
    teacher: list[str]
    samples: int


def similarity_batches(config: Config, count: int = BATCHES) -> Iterator[dict[str, Any]]:
    """Yield batches of a config's validation data that are large enough for CKA."""
    config = deepcopy(config)
    config.val_dataloader.batch_size = max(config.val_dataloader.get("batch_size", 1), BATCH)
    yield from islice(validation_loader(config), count)


@torch.no_grad()
def feature_similarity(
    distiller: Distiller, batches: Iterable[dict[str, Any]], name: str | None = None
) -> Similarity:
    """Compare the stages, levels and pooled features of the student with a teacher's.

    Args:
        distiller: A distiller in eval mode.
        batches: Batches of data; batches of fewer than 4 images are skipped.
        name: The teacher's name, by default the first one.

    Raises:
        ValueError: If there is no such teacher, a network has no such features, or there is no
            batch of at least 4 images.
    """
    name = name or next(iter(distiller.teachers), "teacher")
    if name not in distiller.teachers:
        raise ValueError(
            f"There is no teacher {name!r}: {', '.join(distiller.teachers) or 'none'}."
        )
    teacher, student, measured = distiller.teachers[name], distiller.student, LinearCKA()
    taps: tuple[list[Tap], list[Tap]] | None = None
    for data in batches:
        batch = distiller.data_preprocessor(data, False)
        inputs = batch["inputs"]
        if len(inputs) < SMALLEST:
            continue
        if taps is None:
            roles = Roles.find("student", student, inputs[:2]), teacher.find_roles(name, inputs[:2])
            taps = _taps(roles[0]), _taps(roles[1])
        forward = partial(distiller.manner.forward, student, inputs, taps[0])
        _, found = run_tapped(student, taps[0], forward)
        taught = teacher(inputs, batch.get("data_samples"), taps[1])
        measured.update([found[tap] for tap in taps[0]], [taught[tap] for tap in taps[1]])
    values = measured.compute().cpu()
    assert taps is not None
    student_names, teacher_names = ([*map(str, side)] for side in taps)
    return Similarity(values, student_names, teacher_names, measured.samples)


def _taps(roles: Roles) -> list[Tap]:
    """Return the taps of the compared roles."""
    taps = [tap for role in COMPARED for tap in roles.taps.get(role, [])]
    if not taps:
        raise ValueError(
            f"The {roles.who} has no stages, levels or pooled feature to compare: see "
            "`python -m mmkd roles CONFIG`, and give its `roles`."
        )
    return list(dict.fromkeys(taps))


@styled
def draw_similarity(students: Mapping[str, Similarity]) -> Figure:
    """Draw students' similarities to one teacher as tables of colours and numbers.

    Args:
        students: Similarities by the title of their panel. The deepest features are at the top.
    """
    found = [*students.values()]
    rows = max(len(one.student) for one in found)
    columns = max(len(one.teacher) for one in found)
    size = (1.6 + len(found) * (0.9 + 0.7 * columns), 2 + 0.5 * rows)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, (title, similarity) in zip(panels, students.items(), strict=True):
        image = _draw_panel(axes, similarity, title)
    panels[0].set_ylabel("student, shallow to deep")
    figure.colorbar(image, ax=panels, label="CKA")
    return figure


def _draw_panel(axes: Any, similarity: Similarity, title: str) -> Any:
    values = similarity.values.numpy()
    image = axes.imshow(values, vmin=0, vmax=1, cmap="cividis", origin="lower")
    for (row, column), value in np.ndenumerate(values):
        shade = "white" if value < 0.5 else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=shade)
    axes.set_xticks(range(len(similarity.teacher)), similarity.teacher, rotation=40, ha="right")
    axes.set_yticks(range(len(similarity.student)), similarity.student)
    axes.set_xlabel("teacher, shallow to deep")
    axes.set_title(f"{title}\nlinear CKA of {similarity.samples} images".strip())
    axes.spines[:].set_visible(False)
    return image
