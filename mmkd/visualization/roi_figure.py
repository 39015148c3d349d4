"""Figure of regions of interest: both networks' predictions for them, and their weights."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from mmkd.visualization.roi_weights import BACKGROUND, RoIWeights
from mmkd.visualization.style import COLORS, color, stretched, styled, wrapped

Axes = Any
LINES = ("-", "--", ":", "-.")  # tell apart classes of one colour
LONGEST = 20  # letters of a class name in the list
WEIGHTS = colormaps["plasma"]
QUARTERS = 4


@styled
def draw_roi_weights(
    image: NDArray[np.uint8], found: RoIWeights, title: str = "", top: int = 8
) -> Figure:
    """Draw the objects of both networks, all RoIs by weight, and a list of the heaviest RoIs.

    Because RoIs overlap, they are drawn in four panels: each has a quarter of the RoIs, in the
    order from the largest weights to the smallest.

    Args:
        image: Image that the networks saw, RGB, shape (H, W, 3).
        found: The RoIs.
        title: Title of the figure.
        top: Number of RoIs that are numbered and listed, see :meth:`RoIWeights.heaviest`.
    """
    height, width = image.shape[:2]
    chosen = found.heaviest(top)
    heights = (0.6 + 4.5 * height / width, 0.9 + 2.2 * height / width, 1 + 0.43 * len(chosen))
    figure = Figure(figsize=(9, 0.8 + sum(heights)), layout="constrained")
    figure.suptitle(f"{title}\n{found.summary()}", fontsize=10)
    grid = figure.add_gridspec(3, QUARTERS, height_ratios=heights)
    for column, name, probabilities in (
        (0, "teacher", found.teacher),
        (2, "student", found.student),
    ):
        axes = figure.add_subplot(grid[0, column : column + 2])
        _show(axes, image, f"RoIs that the {name} takes for objects")
        _draw_objects(axes, found, probabilities)
    _draw_weights([figure.add_subplot(grid[1, i]) for i in range(QUARTERS)], image, found, chosen)
    _list(figure.add_subplot(grid[2, :]), found, chosen)
    return figure


def _show(axes: Axes, image: NDArray[np.uint8], title: str) -> None:
    # The image is paler, so that lines and numbers stand out.
    axes.imshow(0.55 * stretched(image) / 255 + 0.45, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=9)


def _box(axes: Axes, box: Tensor, color: Any, width: float, line: str = "-") -> None:
    left, top, right, bottom = box.tolist()
    axes.add_patch(
        # Pixel p covers p - 0.5 to p + 0.5 of the axes, and p to p + 1 of the boxes.
        Rectangle(
            (left - 0.5, top - 0.5), right - left, bottom - top,
            fill=False, edgecolor=color, linewidth=width, linestyle=line,
        )
    )  # fmt: skip


def _draw_objects(axes: Axes, found: RoIWeights, probabilities: Tensor) -> None:
    seen: dict[int, dict[str, Any]] = {}
    for box, label in zip(found.boxes, probabilities.argmax(1).tolist(), strict=True):
        if found.classes[label] != BACKGROUND:
            seen[label] = dict(color=color(label), line=LINES[label // len(COLORS) % len(LINES)])
            _box(axes, box, width=1.2, **seen[label])
    looks = [look for _, look in sorted(seen.items())]
    keys = [Line2D([], [], color=look["color"], linestyle=look["line"]) for look in looks]
    names = [wrapped(found.classes[label], LONGEST) for label in sorted(seen)]
    axes.legend(keys, names, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=7)


def _draw_weights(
    panels: list[Axes], image: NDArray[np.uint8], found: RoIWeights, chosen: list[int]
) -> None:
    scale = Normalize(0, max(float(found.weights.max()), 1e-6))
    numbers = {index: number for number, index in enumerate(chosen, start=1)}
    quarters = found.weights.argsort(descending=True, stable=True).tensor_split(len(panels))
    first = 1
    for axes, quarter in zip(panels, quarters, strict=True):
        indices = quarter.tolist()[::-1]  # draws the heaviest last, on top
        title = f"RoIs {first} to {first + len(indices) - 1} by weight" if indices else ""
        _show(axes, image, title)
        first += len(indices)
        for index in indices:
            weight = float(scale(float(found.weights[index])))
            _box(axes, found.boxes[index], WEIGHTS(weight), 0.3 + 1.5 * weight)
            if index in numbers:
                _number(axes, found.boxes[index], numbers[index])
    bar = ScalarMappable(scale, WEIGHTS)
    panels[0].figure.colorbar(
        bar, ax=panels, location="bottom", shrink=0.5, aspect=40, label="weight"
    )


def _number(axes: Axes, box: Tensor, number: int) -> None:
    left, top = box[:2].tolist()
    axes.text(
        left, top, str(number), fontsize=7, color="white", clip_on=True, va="top",
        bbox=dict(facecolor="black", edgecolor="none", pad=1),
    )  # fmt: skip


def _list(axes: Axes, found: RoIWeights, chosen: list[int]) -> None:
    axes.set_axis_off()
    if not chosen:
        return
    rows = [
        [
            str(number),
            f"{float(found.weights[index]):.2f}",
            *(_likeliest(found, side[index]) for side in (found.teacher, found.student)),
        ]
        for number, index in enumerate(chosen, start=1)
    ]
    header = ["", "weight", "teacher", "student"]
    table = axes.table(
        rows, colLabels=header, colWidths=[0.06, 0.12, 0.41, 0.41], cellLoc="left",
        loc="upper center", edges="horizontal",
    )  # fmt: skip
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    table.scale(1, 2)  # two lines in each row
    axes.set_title("heaviest RoIs, without near copies", fontsize=9)


def _likeliest(found: RoIWeights, probabilities: Tensor) -> str:
    values, labels = probabilities.topk(min(2, len(probabilities)))
    pairs = zip(values.tolist(), labels.tolist(), strict=True)
    texts = [f"{wrapped(found.classes[label], LONGEST, 1)} {value:.2f}" for value, label in pairs]
    return "\n".join(texts)
