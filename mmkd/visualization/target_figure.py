"""Part of a figure of samples that shows which soft targets were adjusted."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor

from mmkd.visualization.image_rows import draw_image_rows
from mmkd.visualization.samples import Samples
from mmkd.visualization.style import RIGHT, WRONG, legend_below, wrapped

PAIRS = 10


def draw_targets(place: Any, samples: Samples, names: list[str], count: int) -> None:
    """Draw how the label's probability changed, in which classes, and examples."""
    assert samples.targets is not None
    above, below = place.subfigures(2, 1, height_ratios=(5, 4))
    before, after = (t.gather(1, samples.labels[:, None])[:, 0] for t in samples.targets)
    change = (samples.targets[0] - samples.targets[1]).abs().sum(1)
    changed = change > 1e-6
    points, pairs = above.subplots(1, 2)
    _draw_probabilities(points, before, after, changed)
    _draw_pairs(pairs, samples, changed, names)
    [indices] = torch.where(changed)
    order = indices[change[indices].argsort(descending=True)]
    rows = [order[:count], order.flip(0)[:count]]
    captions = [
        [f"{names[samples.labels[i]]},\nnot {names[samples.predictions[0, i]]}" for i in row]
        for row in rows
    ]
    titles = [f"changed {how} (the label, not the teacher's class)" for how in ("most", "least")]
    draw_image_rows(below, samples.images, rows, captions, titles, count)


def _draw_probabilities(axes: Any, before: Tensor, after: Tensor, changed: Tensor) -> None:
    for mask, color, label in (
        (~changed, RIGHT, "unchanged"),
        (changed, WRONG, "changed"),
    ):
        text = f"{int(mask.sum())} {label}"
        axes.scatter(before[mask].numpy(), after[mask].numpy(), s=4, color=color, label=text)
    axes.set(xlabel="label's probability in the target before", ylabel="and after")
    legend_below(axes, columns=2)


def _draw_pairs(axes: Any, samples: Samples, changed: Tensor, names: list[str]) -> None:
    """Draw the pairs of true and predicted class in which most samples were changed."""
    pairs = zip(samples.labels[changed], samples.predictions[0, changed], strict=True)
    found = Counter(f"{names[label]}, not {names[prediction]}" for label, prediction in pairs)
    common = found.most_common(PAIRS)
    texts = [wrapped(pair, 26) for pair, _ in common]
    bars = axes.barh(range(len(common)), [n for _, n in common], color=WRONG)
    axes.set_yticks(range(len(common)), texts)
    axes.bar_label(bars, fontsize=7)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=7)
    axes.set(xlabel="changed samples")
