"""The figure of a comparison's differences."""

from mmkd.benchmark.statistics import Difference
from mmkd.visualization.differences import draw_differences

FOUND = [
    Difference("erkd", "kd", [1.0, 2.0], 1.5, 0.5, 2.5, 0.01, "GO"),
    Difference("dkd", "kd", [-1.0, -2.0], -1.5, -2.5, -0.5, 0.01, "worse"),
    Difference("once", "kd", [0.5], 0.5, None, None, None, "open"),
]


def test_each_comparison_has_its_line_interval_and_verdict() -> None:
    figure = draw_differences(FOUND, "accuracy %", margin=0.3)
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "erkd - kd",
        "dkd - kd",
        "once - kd",
    ]
    drawn = [[float(x) for x in line.get_xdata()] for line in axes.lines]
    for points in ([0.5, 2.5], [-2.5, -0.5], [1.0, 2.0], [1.5], [0.5]):
        assert points in drawn
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["GO", "worse", "open", "margin 0.3"]
    top, bottom = axes.get_ylim()
    assert top > bottom, "the first comparison is on top"
