"""Rows of images in a figure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmkd.visualization.style import stretched, wrapped

LETTER = 0.06  # width of a caption's letter in inches


def draw_image_rows(
    place: Any,
    images: NDArray[np.uint8],
    rows: Sequence[Tensor],
    captions: Sequence[Sequence[str]],
    titles: Sequence[str],
    count: int,
) -> None:
    """Draw rows of images with captions below them and a title above each row.

    All images together are scaled to the full range of brightness.

    Args:
        place: The figure, or part of a figure, that the rows fill.
        images: Shape (N, H, W, 3).
        rows: Indices of the images in each row, at most ``count``.
        captions: Caption of each image of each row.
        titles: Title of each row.
        count: Number of images that fit into a row.
    """
    images = stretched(images)
    width = int(place.bbox.width / place.dpi / max(count, 1) / LETTER)  # of a caption in letters
    places = place.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, row, texts, title in zip(places, rows, captions, titles, strict=True):
        part.suptitle(title, fontsize=9, x=0.01, horizontalalignment="left")
        for column, axes in enumerate(part.subplots(1, max(count, 1), squeeze=False)[0]):
            axes.set(xticks=[], yticks=[], anchor="N")
            if column >= len(row):
                axes.set_axis_off()
                continue
            axes.imshow(images[row[column]], interpolation="nearest")
            lines = texts[column].split("\n")
            # Long captions have one line for each name, so that they end within the figure.
            caption = "\n".join(wrapped(line, width, 2 if len(lines) <= 2 else 1) for line in lines)
            axes.set_xlabel(caption, fontsize=7, labelpad=2)
