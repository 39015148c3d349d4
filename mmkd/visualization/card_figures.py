"""Figures of a model card: calibration, gain by class, samples gained and lost."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from mmkd.benchmark.evaluated import Evaluated
from mmkd.evaluation.functional import expected_calibration_error
from mmkd.teachers.renormalize import Normalization
from mmkd.visualization.image_rows import draw_image_rows
from mmkd.visualization.style import RIGHT, WRONG, color, styled, wrapped

BINS = 15
MOST = 40  # maximum number of classes in the figure of gains
SHOWN = 8  # number of samples in a row


def reliability(confidence: Tensor, correct: Tensor, bins: int = BINS) -> tuple[Tensor, Tensor]:
    """Return the accuracy in each bin of confidence, NaN for empty bins, and the sizes of the bins.

    Args:
        confidence: Probability of the predicted class, shape (N,).
        correct: Whether the prediction is right, shape (N,).
        bins: Number of bins of equal width from 0 to 1.
    """
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    places = torch.bucketize(confidence.double().contiguous(), edges[1:-1])
    sizes = torch.bincount(places, minlength=bins)
    right = torch.zeros(bins, dtype=torch.float64).index_add(0, places, correct.double())
    return right / sizes, sizes


@styled
def draw_reliability(runs: Mapping[str, Evaluated]) -> Figure:
    """Draw for each run the accuracy by confidence, and the distribution of the confidences."""
    figure = Figure(figsize=(4 * len(runs), 4.2), layout="constrained")
    panels = figure.subplots(2, len(runs), squeeze=False, height_ratios=(3, 1), sharex=True)
    middles = (np.arange(BINS) + 0.5) / BINS
    for column, (name, run) in enumerate(runs.items()):
        assert run.scores is not None
        confidence, correct = run.scores.max(1).values, run.right
        accuracy, sizes = reliability(confidence, correct)
        error = float(expected_calibration_error(confidence, correct, BINS))
        above, below = panels[:, column]
        above.bar(middles, accuracy.numpy(), 0.9 / BINS, color=color(column))
        above.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--")
        above.set(title=f"{name}: ECE {100 * error:.2f} %", xlim=(0, 1), ylim=(0, 1))
        below.bar(middles, sizes.numpy(), 0.9 / BINS, color=color(column))
        below.set(xlabel="confidence")
    panels[0, 0].set_ylabel("accuracy")
    panels[1, 0].set_ylabel("samples")
    return figure


@styled
def draw_class_gains(run: Evaluated, alone: Evaluated, classes: Sequence[str]) -> Figure:
    """Draw each class's difference in percentage points; of many classes only the extreme ones."""
    assert run.labels is not None
    gains = []
    for index in run.labels.unique().tolist():
        here = run.labels == index
        both = [(one.predictions[here] == index).double().mean() for one in (run, alone)]
        gains.append((100 * float(both[0] - both[1]), name_of(classes, index)))
    gains.sort(reverse=True)
    if len(gains) > MOST:
        gains = [*gains[: MOST // 2], *gains[-MOST // 2 :]]
    figure = Figure(figsize=(6, 1 + 0.22 * len(gains)), layout="constrained")
    axes = figure.subplots()
    places, values = np.arange(len(gains)), [gain for gain, _ in gains]
    axes.barh(places, values, color=[RIGHT if value >= 0 else WRONG for value in values])
    axes.set_yticks(places, [wrapped(name, 28, 1) for _, name in gains])
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(xlabel="accuracy of the class, points more than of the student alone")
    return figure


@styled
def draw_changes(run: Evaluated, alone: Evaluated, classes: Sequence[str]) -> Figure | None:
    """Draw samples that only one student classifies correctly: the distilled or the plain one.

    Returns ``None`` if there are no such samples.
    """
    ours, theirs = run.right, alone.right
    changes = {
        "gained (the label; alone it was)": ours & ~theirs,
        "lost (the label; it is now)": theirs & ~ours,
    }
    indices = [torch.where(mask)[0][:SHOWN] for mask in changes.values()]
    together = torch.cat(indices).tolist()
    if not together:
        return None
    assert run.labels is not None
    normalization = Normalization.of(run.network)
    loaded_bgr = normalization is not None and normalization.flips_channels
    shown = [_pixels(run.dataset[index]["inputs"], loaded_bgr) for index in together]
    names = [name_of(classes, int(label)) for label in run.labels[together]]
    others = [alone.predictions] * len(indices[0]) + [run.predictions] * len(indices[1])
    wrong = [name_of(classes, int(p[i])) for p, i in zip(others, together, strict=True)]
    captions = [f"{right}\n{other}" for right, other in zip(names, wrong, strict=True)]
    split = len(indices[0])
    rows = [torch.arange(split), torch.arange(split, len(together))]
    texts = [captions[:split], captions[split:]]
    titles = [f"{int(mask.sum())} {title}" for title, mask in changes.items()]
    kept = [i for i, row in enumerate(rows) if len(row)]
    figure = Figure(figsize=(9, 1.9 * len(kept)), layout="constrained")
    draw_image_rows(
        figure, _same_size(shown), [rows[i] for i in kept], [texts[i] for i in kept],
        [titles[i] for i in kept], SHOWN,
    )  # fmt: skip
    return figure


def name_of(classes: Sequence[str], index: int) -> str:
    """Return the name of a class, or its number if it has none."""
    return classes[index] if index < len(classes) else str(index)


def _pixels(inputs: Tensor, bgr: bool) -> NDArray[np.uint8]:
    image = inputs.flip(0) if bgr else inputs
    return image.clamp(0, 255).byte().expand(3, -1, -1).permute(1, 2, 0).numpy()


def _same_size(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return images (H, W, 3), cut to the size that all have, as one array."""
    height, width = (min(image.shape[axis] for image in images) for axis in (0, 1))
    return np.stack([image[:height, :width] for image in images])
