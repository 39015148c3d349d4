"""A term's gradient as a share of the task's."""

import json
from pathlib import Path
from statistics import mean

import pytest
from click.testing import CliRunner
from mmengine.config import Config
from tool_runs import ROOT

from mmkd.benchmark.gradient_share import measure_share
from mmkd.cli import command

CONFIG = ROOT / "configs/quickstart/kd_digits.py"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """KD of digits from a random teacher."""
    path = tmp_path / "kd_digits.py"
    path.write_text(
        f"_base_ = {str(CONFIG)!r}\nmodel = dict(teacher=dict(checkpoint=None))\n"
        "randomness = dict(seed=3)\n"
    )
    return path


def measured(path: Path, **model: object) -> float:
    config = Config.fromfile(path)
    config.merge_from_dict(dict(model=model))
    found = measure_share(config, None, batches=2)
    assert found.term == "kd"
    assert len(found.ratios) == 2
    return found.weight_for(0.1)


def test_the_weight_makes_the_gradient_the_share(config: Path) -> None:
    """Beside a task of twice the weight, or with a loss of half the size, it is twice as great."""
    weight = measured(config)
    assert measured(config, student_loss_weight=0.2) == pytest.approx(2 * weight, rel=1e-4)
    assert measured(config, terms=dict(kd=dict(weight=0.0))) == pytest.approx(weight, rel=1e-4)
    scheduled = dict(schedule=dict(warmup=10))
    assert measured(config, terms=dict(kd=scheduled)) == pytest.approx(weight, rel=1e-4)


def test_the_command_prints_the_setting(config: Path) -> None:
    given = ["calibrate", str(config), "--share", "0.1", "--batches", "2"]
    done = CliRunner().invoke(command, given)
    assert done.exit_code == 0, done.output
    first, last = done.output.splitlines()[-3], done.output.splitlines()[-1]
    assert first.startswith("kd: at weight 0.9 its gradient is ")
    key, _, weight = last.partition("=")
    assert key == "  --cfg-options model.terms.kd.weight"
    # with this weight, the share is what was asked for
    again = [*given, "--cfg-options", f"model.terms.kd.weight={weight}"]
    assert "its gradient is 0.1 times" in CliRunner().invoke(command, again).output


def test_the_command_prints_an_object(config: Path) -> None:
    """And nothing else: what is logged goes to the standard error."""
    given = ["calibrate", str(config), "--share", "0.1", "--batches", "2", "--json"]
    page = json.loads(CliRunner().invoke(command, given).stdout)
    assert (page["term"], page["weight"], page["share"]) == ("kd", 0.9, 0.1)
    assert len(page["shares"]) == 2
    assert page["weight_for"] == pytest.approx(0.1 * 0.9 / mean(page["shares"]), rel=0.2)


def test_mistakes_are_told_in_words(config: Path) -> None:
    for arguments, words in (
        (["--term", "dkd"], "There is no term 'dkd': the terms are kd."),
        (["--cfg-options", "model.student_loss_weight=0"], "nothing to take a share of"),
    ):
        given = ["calibrate", str(config), "--share", "0.1", *arguments]
        done = CliRunner().invoke(command, given)
        assert done.exit_code == 1
        assert words in done.output
    student = ROOT / "configs/quickstart/student_digits.py"
    done = CliRunner().invoke(command, ["calibrate", str(student), "--share", "1"])
    assert "no mmkd.Distiller: it has no terms" in done.output
