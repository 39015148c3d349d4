"""mmkd.BestAndLastHook."""

import re
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from runs import checkpoints, log_text, run, validation

ACCURACIES = [10.0, 30.0, 20.0]
LINE = re.compile(r"(\S+): ([\d.]+) in the last epoch \((\d+)\), ([\d.]+) in the best one \((.*)\)")


@METRICS.register_module(force=True)
class Planned(BaseMetric):
    """The accuracies above, one after the other, and an error that falls."""

    calls = 0

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        value = ACCURACIES[Planned.calls]
        Planned.calls += 1
        return {"accuracy": value, "error": 100 - Planned.calls}


@pytest.fixture(autouse=True)
def from_the_start() -> None:
    Planned.calls = 0


def settings(epochs: int = 3, **checkpoint: Any) -> dict[str, Any]:
    hooks = [dict(type="mmkd.BestAndLastHook")]
    evaluator = dict(val_evaluator=dict(type="Planned"))
    loop = dict(by_epoch=True, max_epochs=epochs, val_interval=1)
    saves = checkpoints(**checkpoint)
    return {**validation(**evaluator), **saves, "custom_hooks": hooks, "train_cfg": loop}


def said(work_dir: Path, **overrides: Any) -> list[tuple[str, ...]]:
    runner = run(work_dir, log_level="INFO", **overrides)
    lines = LINE.findall(log_text(runner))
    return [(*line[:-1], Path(line[-1]).name) for line in lines]


def test_both_are_logged_and_called_so(tmp_path: Path) -> None:
    assert said(tmp_path, **settings(save_best="accuracy", rule="greater")) == [
        ("accuracy", "20.0000", "3", "30.0000", "best_accuracy_epoch_2.pth")
    ]


def test_several_metrics(tmp_path: Path) -> None:
    best = dict(save_best=["accuracy", "error"], rule=["greater", "less"])
    assert said(tmp_path, **settings(**best)) == [
        ("accuracy", "20.0000", "3", "30.0000", "best_accuracy_epoch_2.pth"),
        ("error", "97.0000", "3", "97.0000", "best_error_epoch_3.pth"),
    ]


def test_a_resumed_run_knows_what_was_best(tmp_path: Path) -> None:
    best = dict(save_best="accuracy", rule="greater")
    run(tmp_path, **settings(epochs=2, **best))
    lines = said(tmp_path, **settings(**best), resume=True)
    assert lines == [("accuracy", "20.0000", "3", "30.0000", "best_accuracy_epoch_2.pth")]


def test_without_save_best_it_is_silent(tmp_path: Path) -> None:
    assert said(tmp_path, **settings()) == []


def test_without_validation_it_is_silent(tmp_path: Path) -> None:
    assert said(tmp_path, custom_hooks=[dict(type="mmkd.BestAndLastHook")]) == []
