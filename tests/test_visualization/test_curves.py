"""Figures of logs."""

import json
from pathlib import Path

import pytest

from mmkd.visualization import draw_curves


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run/20260101_000000/vis_data"
    folder.mkdir(parents=True)
    records = [
        {"loss": 1.0 / step, "entropy/student": 0.1 * step, "alpha": 2.0, "step": step}
        for step in (1, 2, 3)
    ]
    records.append({"accuracy/top1": 50.0, "step": 1})
    (folder / "scalars.json").write_text("\n".join(json.dumps(record) for record in records))
    return tmp_path / "run"


def test_each_entry_has_a_panel_and_those_joined_share_one(run: Path) -> None:
    figure = draw_curves({"a": run, "b": run}, ["entropy/student+alpha", "accuracy/top1"])
    together, accuracy = figure.axes
    assert [line.get_label() for line in together.lines] == [
        "a entropy/student",
        "a alpha",
        "b entropy/student",
        "b alpha",
    ]
    assert together.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert together.lines[0].get_ydata().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert accuracy.get_title() == "accuracy/top1"
    assert len(accuracy.lines) == 2


def test_what_was_not_logged_is_told_with_what_was(run: Path) -> None:
    with pytest.raises(ValueError, match=r"no kd/alpha\. It has logged accuracy/top1, alpha"):
        draw_curves({"a": run}, ["kd/alpha"])
