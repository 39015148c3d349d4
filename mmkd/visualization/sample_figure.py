"""Figure of a term's effect on samples, with those at either extreme."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from mmkd.visualization.image_rows import draw_image_rows
from mmkd.visualization.samples import Samples
from mmkd.visualization.style import RIGHT, WRONG, legend_below, styled
from mmkd.visualization.target_figure import draw_targets
from mmkd.visualization.teacher_weight_figure import draw_teacher_weights

BINS = 50


@styled
def draw_samples(
    samples: Samples, title: str = "", classes: Sequence[str] = (), count: int = 8
) -> Figure:
    """Draw the distributions of weights, temperatures and adjusted targets, with examples.

    Args:
        samples: The samples.
        title: Title of the figure.
        classes: Names of the classes; by default they are numbered.
        count: Number of images in a row of examples.
    """
    parts, heights = [], []
    if samples.weights is not None and len(samples.teachers) > 1:
        parts.append(draw_teacher_weights)
        heights.append(5.5)
    elif samples.weights is not None:
        parts.append(_draw_weights)
        heights.append(3.2)
    if samples.temperatures is not None:
        parts.append(_draw_temperatures)
        heights.append(3.2)
    if samples.targets is not None:
        parts.append(draw_targets)
        heights.append(6.5)
    figure = Figure(figsize=(10, 0.4 + sum(heights)), layout="constrained")
    figure.suptitle(title)
    places = figure.subfigures(len(parts), 1, height_ratios=heights, squeeze=False)
    for place, draw in zip(places.flat, parts, strict=True):
        draw(place, samples, _names(samples, classes), count)
    return figure


def _names(samples: Samples, classes: Sequence[str]) -> list[str]:
    count = int(max(samples.labels.max(), samples.predictions.max())) + 1
    return list(classes) or [str(index) for index in range(count)]


def _draw_weights(place: Any, samples: Samples, names: list[str], count: int) -> None:
    assert samples.weights is not None
    _draw_quantity(place, "weight", samples.weights[0], samples, names, count)


def _draw_temperatures(place: Any, samples: Samples, names: list[str], count: int) -> None:
    assert samples.temperatures is not None
    _draw_quantity(place, "temperature", samples.temperatures, samples, names, count)


def _draw_quantity(
    place: Any, name: str, values: Tensor, samples: Samples, names: list[str], count: int
) -> None:
    """Draw a histogram of one value per sample, and the images with the lowest and highest."""
    left, right = place.subfigures(1, 2, width_ratios=(2, 3))
    axes = left.subplots()
    correct = samples.right[0]
    edges = np.linspace(float(values.min()), float(values.max()) + 1e-6, BINS)
    for mask, color, label in (
        (correct, RIGHT, "teacher right"),
        (~correct, WRONG, "teacher wrong"),
    ):
        if mask.any():
            text = f"{label}: {int(mask.sum())}, mean {float(values[mask].mean()):.2f}"
            axes.hist(values[mask].numpy(), bins=edges, color=color, alpha=0.7, label=text)
    axes.set(xlabel=name, ylabel="samples", yscale="log")
    legend_below(axes)
    order = values.argsort()
    rows = [order[:count], order.flip(0)[:count]]
    captions = [
        [f"{float(values[i]):.2f}\n{names[samples.labels[i]]}" for i in row] for row in rows
    ]
    titles = [f"lowest {name}, with the label", f"highest {name}, with the label"]
    draw_image_rows(right, samples.images, rows, captions, titles, count)
