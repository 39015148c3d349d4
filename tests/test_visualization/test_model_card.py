"""The model card and its figures."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import mmkd  # noqa: F401

# isort: split
import numpy as np
import pytest
import torch
from mmengine.config import Config
from runs import checkpoints, config, convnet, distiller, separate_runs, validation  # noqa: F401
from torch import Tensor

from mmkd.benchmark.evaluated import Evaluated, evaluate_run
from mmkd.engine import SafeRunner
from mmkd.evaluation.functional import expected_calibration_error
from mmkd.visualization.card_figures import (
    draw_changes,
    draw_class_gains,
    draw_reliability,
    reliability,
)
from mmkd.visualization.model_card import model_card

NAMES = ["shirt", "bag", "a_coat"]
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def train(folder: Path, model: dict[str, Any]) -> Path:
    metrics = [dict(type="Accuracy", topk=(1,)), dict(type="mmkd.Calibration")]
    fields = {**checkpoints(), **validation(val_evaluator=metrics)}
    settings = config(folder, model, **fields)
    SafeRunner.from_cfg(
        Config(settings.to_dict(), cfg_text="# a test", filename="my_run.py")
    ).train()
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Work folders of a distilled student and of the student alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yapf.yapflib.yapf_api.FormatCode", lambda text, **_: (text, True))
        base = tmp_path_factory.mktemp("runs")
        distilled = train(base / "distilled", distiller(student=convnet()))
        return distilled, train(base / "alone", convnet())


def test_the_card_holds_everything_in_one_file(runs: tuple[Path, Path]) -> None:
    run, alone = map(evaluate_run, runs)
    card = model_card(run, alone, "A <student>")
    assert "<h1>A &lt;student&gt;</h1>" in card
    sections = re.findall("<h2>(.*)</h2>", card)
    assert sections[:6] == [
        "Results", "Network", "Teachers and objective", "Training", "Calibration", "Gain by class",
    ]  # fmt: skip
    assert sections[-2:] == ["Feature similarity to teacher", "How it was made"]
    row = re.search(r"<td>accuracy/top1</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>", card)
    assert row is not None
    mine, other, gained = map(float, row.groups())
    assert (mine, other) == (run.metrics["accuracy/top1"], alone.metrics["accuracy/top1"])
    assert gained == mine - other
    assert "<th>parameters</th><td>853</td>" in card
    assert "<th>loss_kd</th>" in card
    assert "mmkd.KDLoss" in card
    assert re.search(r"<th>reason</th><td>finished</td>", card)
    assert set(re.findall(r'(?:src|href)="(.{15})', card)) == {"data:image/png;"}


def test_a_card_without_the_teachers_weights_says_so(runs: tuple[Path, Path]) -> None:
    run = evaluate_run(runs[0])
    run.config.model.teacher.checkpoint = "<gone>.pth"
    [found] = re.findall(
        "<h2>Feature similarity to the teachers</h2>\n<p>(.*?)</p>", model_card(run)
    )
    assert found.startswith("Not measured: ")
    assert "&lt;gone&gt;.pth" in found


def test_a_run_without_a_teacher_has_a_card_too(runs: tuple[Path, Path]) -> None:
    card = model_card(evaluate_run(runs[1]))
    assert re.findall("<h2>(.*)</h2>", card) == [
        "Results", "Network", "Training", "Calibration", "How it was made",
    ]  # fmt: skip
    assert "<h1>my_run</h1>" in card


def test_the_students_file_gives_the_results_of_the_checkpoint(runs: tuple[Path, Path]) -> None:
    whole = evaluate_run(runs[0])
    student = evaluate_run(runs[0], runs[0] / "epoch_2_student.pth")
    assert whole.scores is not None
    assert student.scores is not None
    assert torch.equal(whole.scores, student.scores)
    assert whole.path.name == "epoch_2.pth"


def test_a_folder_that_is_no_run_is_told(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="and holds none"):
        evaluate_run(tmp_path)
    (tmp_path / "a.py").write_text((runs[1] / "my_run.py").read_text())
    with pytest.raises(ValueError, match="has no checkpoint"):
        evaluate_run(tmp_path)
    (tmp_path / "b.py").touch()
    with pytest.raises(ValueError, match=r"holds a\.py, b\.py"):
        evaluate_run(tmp_path)


class Images:
    """Images as dark as digits: pixels of 0 to 16."""

    metainfo: ClassVar[dict[str, list[str]]] = dict(classes=NAMES)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return dict(inputs=torch.full((1, 4, 5), index).clamp(max=16))


def graded(predictions: list[int]) -> Evaluated:
    scores = torch.full((6, 3), 0.1).scatter(1, torch.tensor(predictions)[:, None], 0.8)
    nothing: Any = None
    return Evaluated(Path(), nothing, Path(), {}, torch.nn.Identity(), Images(), {}, scores, LABELS)  # type: ignore[arg-type]


RUN, ALONE = graded([0, 0, 1, 1, 2, 0]), graded([0, 1, 1, 1, 2, 2])


def test_bins_of_the_diagram_give_the_calibration_error() -> None:
    generator = torch.Generator().manual_seed(0)
    confidence, correct = (
        torch.rand(200, generator=generator),
        torch.rand(200, generator=generator) < 0.5,
    )
    accuracy, sizes = reliability(confidence, correct, 10)
    assert sizes.sum() == 200
    middle = [
        float(confidence[((confidence * 10).ceil() - 1) == k].double().mean()) for k in range(10)
    ]
    gaps = (accuracy - torch.tensor(middle, dtype=torch.float64)).abs() * sizes / 200
    error = expected_calibration_error(confidence, correct, 10)
    assert float(gaps.sum()) == pytest.approx(float(error), abs=1e-9)


def test_empty_bins_have_no_accuracy() -> None:
    accuracy, sizes = reliability(torch.tensor([0.95, 0.9]), torch.tensor([True, False]), 2)
    assert sizes.tolist() == [0, 2]
    assert accuracy[0].isnan()
    assert accuracy[1] == 0.5


def test_each_run_has_a_reliability_diagram() -> None:
    figure = draw_reliability({"alone": ALONE, "mine": RUN})
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["alone: ECE 3.33 %", "mine: ECE 3.33 %"]  # 5 of 6 right, 0.8 sure


def test_gains_by_class_are_differences_of_accuracies() -> None:
    [axes] = draw_class_gains(RUN, ALONE, NAMES).axes
    bars = {
        text.get_text(): bar.get_width()
        for text, bar in zip(axes.get_yticklabels(), axes.patches, strict=True)
    }
    assert bars == {"shirt": 50.0, "bag": 0.0, "a coat": -50.0}
    assert [*bars] == ["shirt", "bag", "a coat"]


def test_samples_gained_and_lost_are_shown_with_what_they_were_taken_for() -> None:
    figure = draw_changes(RUN, ALONE, NAMES)
    assert figure is not None
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_xlabel() for axes in shown] == ["shirt\nbag", "a coat\nshirt"]
    # The second image has 1 in all pixels and the last 5: they are stretched together.
    values = [np.unique(axes.images[0].get_array()).tolist() for axes in shown]
    assert values == [[0], [255]]
    assert draw_changes(RUN, RUN, NAMES) is None
    assert draw_changes(replace(RUN), ALONE, []) is not None
