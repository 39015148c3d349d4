"""Style that all figures share: colours, fonts, axes, legends, names and images."""

import textwrap
from typing import Any

import matplotlib
import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

# Okabe and Ito's colours, which colour-blind readers tell apart too.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
RIGHT, WRONG = "#0072B2", "#D55E00"
SETTINGS: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}

# Decorator of functions that draw figures.
styled = matplotlib.rc_context(SETTINGS)


def color(index: int) -> str:
    """Return the colour of the item with an index; the colours repeat."""
    return COLORS[index % len(COLORS)]


def legend_below(axes: Any, columns: int = 1) -> None:
    """Add a legend below the axes and their label, where it covers no data."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=columns)


def whole_steps(axes: Any) -> None:
    """Mark only whole numbers on the x-axis, for epochs and iterations."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def wrapped(text: str, width: int, lines: int = 2) -> str:
    """Return a text, such as the name of a class, in a few lines of at most ``width`` letters."""
    spaced = text.replace("_", " ")
    return textwrap.fill(spaced, width, max_lines=lines, placeholder="\N{HORIZONTAL ELLIPSIS}")


def stretched(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images scaled together to 0 to 255; images of a single value stay unchanged."""
    low, high = int(images.min(initial=255)), int(images.max(initial=0))
    if low >= high:
        return images
    scaled = (images.astype(np.float32) - low) * (255 / (high - low))
    return scaled.round().astype(np.uint8)
