"""Figures of logs."""

import json
from pathlib import Path

import pytest

from mmkd.visualization import draw_curves
from mmkd.visualization.style import COLORS


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
        "b entropy/student",
        "a alpha",
        "b alpha",
    ]
    assert together.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert together.lines[0].get_ydata().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert accuracy.get_title() == "accuracy/top1"
    assert all(float(tick).is_integer() for tick in accuracy.get_xticks())
    assert len(accuracy.lines) == 2


def test_steps_are_called_what_they_are(run: Path) -> None:
    def units() -> list[str]:
        return [a.get_xlabel() for a in draw_curves({"a": run}, ["alpha", "accuracy/top1"]).axes]

    assert units() == ["iteration", "iteration"]  # a run by iterations also evaluates by them
    [log] = run.glob("*/vis_data/scalars.json")
    log.write_text(log.read_text().replace('"loss"', '"epoch": 1, "loss"'))
    assert units() == ["iteration", "epoch"]


def test_panels_stand_in_rows_of_three(run: Path, tmp_path: Path) -> None:
    figure = draw_curves({"a": run}, ["alpha"] * 4)
    assert len(figure.axes) == 6
    assert [len(axes.lines) for axes in figure.axes] == [1, 1, 1, 1, 0, 0]
    assert not figure.axes[-1].axison
    figure.savefig(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_an_entry_has_no_line_beside_one_with_it(run: Path, tmp_path: Path) -> None:
    log = tmp_path / "plain/1/vis_data/scalars.json"
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps({"loss": 1.0, "step": 1}))
    alpha, loss = draw_curves({"a": run, "plain": tmp_path / "plain"}, ["alpha", "loss"]).axes
    assert [line.get_label() for line in alpha.lines] == ["a"]
    assert [line.get_label() for line in loss.lines] == ["a", "plain"]


def test_a_run_has_one_colour_and_an_entry_one_style(run: Path) -> None:
    both, one = draw_curves({"a": run, "b": run}, ["entropy/student+alpha", "alpha"]).axes
    assert [line.get_color() for line in both.lines] == [*COLORS[:2], *COLORS[:2]]
    assert [line.get_linestyle() for line in both.lines] == ["-", "-", "--", "--"]
    assert [line.get_color() for line in one.lines] == [*COLORS[:2]]
    (single,) = draw_curves({"a": run}, ["entropy/student+alpha"]).axes
    assert [line.get_color() for line in single.lines] == [*COLORS[:2]]


def test_what_was_not_logged_is_told_with_what_was(run: Path) -> None:
    with pytest.raises(ValueError, match=r"logged kd/alpha\. They have logged accuracy"):
        draw_curves({"a": run}, ["kd/alpha+alpha"])


def test_a_folder_without_a_log_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing has no log"):
        draw_curves({"a": run, "b": tmp_path / "nothing"}, ["alpha"])
