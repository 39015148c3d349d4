"""A figure of samples: what a term makes of each, and which stand at either end."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from mmkd.visualization.samples import Samples

Axes = Any
RIGHT, WRONG = "tab:blue", "tab:red"
BINS = 50


def draw_samples(
    samples: Samples, title: str = "", classes: Sequence[str] = (), count: int = 8
) -> Figure:
    """Draw the distributions of weights, temperatures and adjusted targets, with examples.

    Args:
        samples: The samples.
        title: Stands above all.
        classes: Names of the classes; by default they are numbered.
        count: How many images a row of examples has.
    """
    parts = []
    if samples.weights is not None and len(samples.teachers) > 1:
        parts.append(_draw_teacher_weights)
    elif samples.weights is not None:
        parts.append(_draw_weights)
    if samples.temperatures is not None:
        parts.append(_draw_temperatures)
    if samples.targets is not None:
        parts.append(_draw_targets)
    figure = Figure(figsize=(10, 0.5 + 4 * len(parts)), layout="constrained")
    figure.suptitle(title)
    places = figure.subfigures(len(parts), 1, squeeze=False)
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
    axes, examples = place.subplots(1, 2, width_ratios=(2, 3))
    right = samples.right[0]
    edges = np.linspace(float(values.min()), float(values.max()), BINS)
    for mask, color, label in ((right, RIGHT, "teacher right"), (~right, WRONG, "teacher wrong")):
        axes.hist(values[mask].numpy(), bins=edges, color=color, alpha=0.7, label=label)
    axes.set(xlabel=name, ylabel="samples", yscale="log")
    axes.legend(fontsize=8)
    order = values.argsort()
    rows = [order[:count], order.flip(0)[:count]]
    captions = [
        [f"{float(values[i]):.2f}\n{names[samples.labels[i]]}" for i in row] for row in rows
    ]
    _draw_images(examples, samples.images, rows, captions, [f"lowest {name}", f"highest {name}"])


def _draw_teacher_weights(place: Any, samples: Samples, names: list[str], count: int) -> None:
    """Draw a histogram of each teacher's weights, and their means where it is right and wrong."""
    assert samples.weights is not None
    axes, means = place.subplots(1, 2)
    for weights, name in zip(samples.weights, samples.teachers, strict=True):
        axes.hist(weights.numpy(), bins=BINS, histtype="step", linewidth=1.5, label=name)
    axes.set(xlabel="weight", ylabel="samples", yscale="log")
    axes.legend(fontsize=8)
    positions = np.arange(len(samples.teachers))
    for offset, mask, color, label in (
        (-0.2, samples.right, RIGHT, "teacher right"),
        (0.2, ~samples.right, WRONG, "teacher wrong"),
    ):
        heights = (samples.weights * mask).sum(1) / mask.sum(1).clamp(min=1)
        means.bar(positions + offset, heights.numpy(), 0.4, color=color, label=label)
    means.set_xticks(positions, samples.teachers)
    means.set(ylabel="mean weight")
    means.legend(fontsize=8)


def _draw_targets(place: Any, samples: Samples, names: list[str], count: int) -> None:
    """Draw the label's probability before and after the adjustment, and images that it changed."""
    assert samples.targets is not None
    axes, examples = place.subplots(1, 2, width_ratios=(2, 3))
    before, after = (t.gather(1, samples.labels[:, None])[:, 0] for t in samples.targets)
    changed = (samples.targets[0] - samples.targets[1]).abs().amax(1) > 1e-6
    for mask, color, label in (
        (~changed, RIGHT, f"{int((~changed).sum())} unchanged"),
        (changed, WRONG, f"{int(changed.sum())} changed"),
    ):
        axes.scatter(before[mask].numpy(), after[mask].numpy(), s=4, color=color, label=label)
    axes.set(xlabel="label's probability before", ylabel="and after")
    axes.legend(fontsize=8)
    [indices] = torch.where(changed)
    # The largest changes first.
    order = indices[(after - before)[indices].argsort(descending=True)]
    rows = [order[:count], order[count : 2 * count]]
    captions = [
        [f"{names[samples.labels[i]]},\nnot {names[samples.predictions[0, i]]}" for i in row]
        for row in rows
    ]
    _draw_images(examples, samples.images, rows, captions, ["changed most", ""])


def _draw_images(
    axes: Axes,
    images: NDArray[np.uint8],
    rows: Sequence[Tensor],
    captions: Sequence[Sequence[str]],
    titles: Sequence[str],
) -> None:
    """Draw rows of images with captions below and a title above each row."""
    axes.set_axis_off()
    for line, (row, texts, title) in enumerate(zip(rows, captions, titles, strict=True)):
        bottom = 0.55 - 0.5 * line
        axes.text(0, bottom + 0.38, title, fontsize=9, transform=axes.transAxes)
        for column, (index, text) in enumerate(zip(row.tolist(), texts, strict=True)):
            width = 1 / max(len(row), 1)
            inset = axes.inset_axes((column * width, bottom, 0.92 * width, 0.36))
            inset.imshow(images[index], interpolation="nearest")
            inset.set_xticks([])
            inset.set_yticks([])
            inset.set_xlabel(text, fontsize=6, labelpad=2)
