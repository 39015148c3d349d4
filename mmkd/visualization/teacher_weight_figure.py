"""Part of a figure of samples that shows the weight of each teacher."""

from typing import Any

import numpy as np
from torch import Tensor

from mmkd.visualization.image_rows import draw_image_rows
from mmkd.visualization.samples import Samples
from mmkd.visualization.style import COLORS, RIGHT, WRONG, legend_below

BINS = 50


def draw_teacher_weights(place: Any, samples: Samples, names: list[str], count: int) -> None:
    """Draw each teacher's weights, their means, and the images on which the weights differ most."""
    assert samples.weights is not None
    above, below = place.subfigures(2, 1, height_ratios=(5, 3))
    histogram, means = above.subplots(1, 2)
    _draw_histogram(histogram, samples.weights, samples.teachers)
    _draw_means(means, samples)
    spread = samples.weights.amax(0) - samples.weights.amin(0)
    row = spread.argsort(descending=True)[:count]
    captions = [_caption(samples, int(index), names) for index in row]
    title = f"weights differ most (below each: the label; weight and class of {_listed(samples)})"
    draw_image_rows(below, samples.images, [row], [captions], [title], count)


def _draw_histogram(axes: Any, weights: Tensor, teachers: list[str]) -> None:
    edges = np.linspace(float(weights.min()), float(weights.max()) + 1e-6, BINS)
    for k, (own, name) in enumerate(zip(weights, teachers, strict=True)):
        label = f"{name}: mean {float(own.mean()):.3f}"
        color = COLORS[k % len(COLORS)]
        axes.hist(own.numpy(), edges, histtype="step", linewidth=1.5, color=color, label=label)
    axes.set(xlabel="weight", ylabel="samples", yscale="log")
    legend_below(axes)


def _draw_means(axes: Any, samples: Samples) -> None:
    """Draw each teacher's mean weight over the samples that it gets right, and wrong."""
    assert samples.weights is not None
    positions = np.arange(len(samples.teachers))
    for offset, mask, color, label in (
        (-0.2, samples.right, RIGHT, "this teacher right"),
        (0.2, ~samples.right, WRONG, "this teacher wrong"),
    ):
        counts = mask.sum(1)
        heights = (samples.weights * mask).sum(1) / counts.clamp(min=1)
        bars = axes.bar(positions + offset, heights.numpy(), 0.4, color=color, label=label)
        texts = [f"{h:.3f}\n(of {n})" for h, n in zip(heights.tolist(), counts, strict=True)]
        axes.bar_label(bars, texts, fontsize=7)
    axes.set_xticks(positions, samples.teachers)
    axes.set(ylabel="mean weight")
    axes.margins(y=0.2)
    legend_below(axes, columns=2)


def _caption(samples: Samples, index: int, names: list[str]) -> str:
    assert samples.weights is not None
    opinions = zip(samples.weights[:, index], samples.predictions[:, index], strict=True)
    lines = [f"{float(weight):.2f} {names[prediction]}" for weight, prediction in opinions]
    return "\n".join([names[samples.labels[index]], *lines])


def _listed(samples: Samples) -> str:
    return ", ".join(samples.teachers)
