"""The figure of samples."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mmkd.visualization import Samples, draw_samples

LABELS = [0, 1, 2, 0, 1, 2]
WEIGHTS = [0.5, 0.25, 2.0, 1.0, 0.75, 1.5]


def samples(**overrides: Any) -> Samples:
    """Six samples of three classes; the teacher takes the third and the last for class 0."""
    settings: dict[str, Any] = dict(
        images=np.stack([np.full((8, 8, 3), 7 * index, np.uint8) for index in range(6)]),
        labels=torch.tensor(LABELS),
        teachers=["teacher"],
        predictions=torch.tensor([[0, 1, 0, 0, 1, 0]]),
        weights=None,
        temperatures=None,
        targets=None,
    )
    return Samples(**{**settings, **overrides})


def weighed(**overrides: Any) -> Samples:
    return samples(**{"weights": torch.tensor([WEIGHTS]), **overrides})


def adjusted() -> Samples:
    """Return samples in which the class of a wrong teacher and the label change places."""
    before = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]).repeat(3, 1)[torch.tensor(LABELS) % 2]
    before[2], before[5] = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.5, 0.2, 0.3])
    after = before.clone()
    after[2], after[5] = before[2].flip(0), before[5].flip(0)
    return samples(targets=torch.stack([before, after]))


def two_teachers() -> Samples:
    return samples(
        teachers=["a", "b"],
        predictions=torch.tensor([[0, 1, 0, 0, 1, 0], [0, 1, 2, 0, 1, 2]]),
        weights=torch.tensor([[0.5, 0.5, 0.1, 0.5, 0.5, 0.3], [0.5, 0.5, 0.9, 0.5, 0.5, 0.7]]),
    )


def examples(figure: Figure) -> list[str]:
    """Captions of the images, row by row."""
    return [axes.get_xlabel() for axes in figure.axes if axes.images]


def legend(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_weight_has_a_histogram_and_both_ends() -> None:
    figure = draw_samples(weighed(), "title", ["shoe", "bag", "coat"], count=2)
    axes = figure.axes[0]
    assert axes.get_xlabel() == "weight"
    assert legend(axes) == ["teacher right: 4, mean 0.62", "teacher wrong: 2, mean 1.75"]
    assert examples(figure) == ["0.25\nbag", "0.50\nshoe", "2.00\ncoat", "1.50\ncoat"]
    [first, *_] = [axes for axes in figure.axes if axes.images]
    # The second image, 7, where 0 to 35 are stretched to 0 to 255.
    assert (first.images[0].get_array() == 51).all()
    assert sum(bar.get_height() for bar in axes.patches) == 6


def test_each_quantity_has_a_part() -> None:
    both = draw_samples(weighed(temperatures=torch.arange(6.0), targets=adjusted().targets))
    labels = [axes.get_xlabel() for axes in both.axes if not axes.images]
    for text in ("weight", "temperature", "label's probability in the target before"):
        assert text in labels
    alone = draw_samples(weighed())
    assert both.get_figheight() > alone.get_figheight()


def test_what_was_changed_is_counted_by_class_and_shown() -> None:
    figure = draw_samples(adjusted(), "", ["shoe", "bag", "coat"], count=4)
    points, pairs = figure.axes[:2]
    assert legend(points) == ["4 unchanged", "2 changed"]
    unchanged, changed = (collection.get_offsets() for collection in points.collections)
    assert changed.tolist() == pytest.approx(np.array([[0.1, 0.7], [0.3, 0.5]]), abs=1e-6)
    assert (unchanged[:, 0] == unchanged[:, 1]).all()
    assert [text.get_text() for text in pairs.get_yticklabels()] == ["coat, not shoe"]
    assert [bar.get_width() for bar in pairs.patches] == [2]
    images = [axes.images[0].get_array()[0, 0, 0] for axes in figure.axes if axes.images]
    assert [value // 51 for value in images] == [2, 5, 5, 2]  # by the size of the change


def test_teachers_are_compared_where_they_are_right_and_wrong() -> None:
    figure = draw_samples(two_teachers(), "", ["shoe", "bag", "coat"], count=2)
    histogram, means = figure.axes[:2]
    assert legend(histogram) == ["a: mean 0.400", "b: mean 0.600"]
    assert [text.get_text() for text in means.get_xticklabels()] == ["a", "b"]
    assert [bar.get_height() for bar in means.patches] == pytest.approx([0.5, 0.6, 0.2, 0.0])
    assert examples(figure) == [
        "coat\n0.10 shoe\n0.90 coat",
        "coat\n0.30 shoe\n0.70 coat",
    ]


def test_captions_have_the_letters_that_fit_below_an_image() -> None:
    names = ["shoe", "bag", "T-shirt/top"]
    wide = draw_samples(two_teachers(), "", names, count=8)
    assert examples(wide)[0] == "T-shirt/top\n0.10 shoe\n0.90 T-shirt/top"
    narrow = draw_samples(weighed(), "", [*names[:2], "a T-shirt/top"], count=8)
    assert "2.00\na\nT-shirt/top" in examples(narrow)


ODD = {
    "fewer samples than places": weighed(),
    "all weigh the same": weighed(weights=torch.ones(1, 6)),
    "teachers that weigh the same": samples(
        teachers=["a", "b"],
        predictions=torch.zeros(2, 6, dtype=torch.long),
        weights=torch.full((2, 6), 0.5),
    ),
    "the teacher is always right": weighed(predictions=torch.tensor([LABELS])),
    "nothing was changed": samples(targets=torch.full((2, 6, 3), 1 / 3)),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ODD)
@pytest.mark.filterwarnings("error")
def test_odd_cases_are_drawn(case: str, tmp_path: Path) -> None:
    draw_samples(ODD[case], case, count=12).savefig(tmp_path / "figure.png", dpi=30)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
