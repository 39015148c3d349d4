"""The style of all figures."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmkd.visualization.style import SETTINGS, legend_below, stretched, styled, wrapped


def test_images_are_stretched_together_to_the_whole_range() -> None:
    digits = np.array([0, 4, 16], np.uint8)
    assert stretched(digits).tolist() == [0, 64, 255]
    assert stretched(np.array([10, 250], np.uint8)).tolist() == [0, 255]


@pytest.mark.parametrize("values", [[], [7, 7], [0, 255, 128]])
def test_images_that_need_no_stretching_stay(values: list[int]) -> None:
    images = np.array(values, np.uint8)
    assert stretched(images).tolist() == values


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bag", "bag"),
        ("ankle_boot", "ankle boot"),
        ("a very long name of a class", "a very\nlong name…"),
        ("pneumonoultramicroscopic", "pneumonoul\n…"),
    ],
)
def test_names_wrap_and_end(name: str, expected: str) -> None:
    found = wrapped(name, 10)
    assert found == expected
    assert all(len(line) <= 10 for line in found.split("\n"))


def test_a_legend_lies_below_its_axes() -> None:
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], label="a line")
    legend_below(axes)
    figure.draw_without_rendering()
    assert axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0


def test_the_style_holds_inside_of_a_function_alone() -> None:
    @styled
    def size() -> float:
        return matplotlib.rcParams["font.size"]

    before = matplotlib.rcParams["font.size"]
    assert size() == size() == SETTINGS["font.size"]
    assert matplotlib.rcParams["font.size"] == before
