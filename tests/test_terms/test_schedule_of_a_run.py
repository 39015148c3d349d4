"""A schedule has to act in the run that its model is built for."""

from pathlib import Path

import pytest
from mmengine.runner import Runner
from runs import config, distiller, separate_runs  # noqa: F401
from tiny import KD


def run_of(tmp_path: Path, **schedule: object) -> Runner:
    terms = dict(kd=dict(KD["kd"], schedule=schedule))
    return Runner.from_cfg(config(tmp_path, distiller(terms=terms)))


def test_one_that_begins_after_the_run_is_refused(tmp_path: Path) -> None:
    last = run_of(tmp_path / "a", begin=0).max_epochs
    with pytest.raises(ValueError, match=rf"begins after {last} epochs, and the run has {last}:"):
        run_of(tmp_path / "b", begin=last)


def test_one_of_iterations_is_not_compared_with_epochs(tmp_path: Path) -> None:
    assert run_of(tmp_path, begin=3, by_epoch=False)
