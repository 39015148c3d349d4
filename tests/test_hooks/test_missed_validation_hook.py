"""mmkd.MissedValidationHook: the validations of a resumed run, and what it takes for the best."""

from pathlib import Path
from typing import Any, ClassVar

import mmkd  # noqa: F401

# isort: split
import pytest
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, METRICS
from runs import checkpoints, config, validation

from mmkd.engine import SafeRunner

ACCURACIES = {1: 30.0, 2: 10.0, 3: 20.0}


@METRICS.register_module(force=True)
class AccuracyOfEpoch(BaseMetric):
    """The accuracies above, by the epochs or pairs of iterations that are done."""

    now = 0
    asked: ClassVar[list[int]] = []

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        self.asked.append(self.now)
        return {"accuracy": ACCURACIES[self.now]}


@HOOKS.register_module(force=True)
class EndHook(Hook):
    """Tells the metric where the run is, and ends it at a place, as a kill does."""

    def __init__(self, place: str | None = None, step: int = -1) -> None:
        self.place, self.step = place, step

    def before_val(self, runner) -> None:
        AccuracyOfEpoch.now = runner.epoch or runner.iter // 2
        self._end("before_val", runner)

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self._end("before_train_iter", runner)

    def _end(self, place: str, runner) -> None:
        if (place, runner.iter) == (self.place, self.step):
            raise KeyboardInterrupt


def train(folder: Path, by_epoch: bool, ends: dict[str, Any], **fields: Any) -> SafeRunner:
    every = dict(interval=1) if by_epoch else dict(interval=2, by_epoch=False)
    fields |= checkpoints(save_best="accuracy", rule="greater", **every)
    fields["custom_hooks"].append(dict(type="EndHook", **ends))
    loop = dict(by_epoch=True, max_epochs=3, val_interval=1)
    if not by_epoch:
        loop = dict(by_epoch=False, max_iters=6, val_interval=2)
    evaluator = dict(type="AccuracyOfEpoch")
    settings = {**validation(val_evaluator=evaluator), **fields, "train_cfg": loop}
    runner = SafeRunner.from_cfg(config(folder, **settings))
    runner.train()
    return runner


@pytest.mark.slow
@pytest.mark.parametrize("by_epoch", [True, False], ids=["epochs", "iterations"])
@pytest.mark.parametrize(
    ("place", "step", "asked"),
    [
        pytest.param("before_val", 2, [1, 2, 3], id="before the first validation"),
        pytest.param("before_train_iter", 3, [1, 1, 2, 3], id="after it"),
        pytest.param("before_val", 6, [1, 2, 3], id="before the last one"),
    ],
)
def test_the_best_checkpoint_is_that_of_a_run_without_interruption(
    tmp_path: Path, by_epoch: bool, place: str, step: int, asked: list[int]
) -> None:
    AccuracyOfEpoch.asked.clear()
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, by_epoch, dict(place=place, step=step))
    train(tmp_path, by_epoch, {}, resume=True)
    assert AccuracyOfEpoch.asked == asked
    best = "best_accuracy_epoch_1" if by_epoch else "best_accuracy_iter_2"
    found = sorted(path.name for path in tmp_path.glob("best_*"))
    assert [name for name in found if name.endswith(".pth")] == [
        f"{best}.pth",
        f"{best}_student.pth",
    ]
