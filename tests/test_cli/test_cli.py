"""The command `python -m mmkd`."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from mmengine.config import Config

from mmkd.cli import command
from mmkd.cli.store import store

ROOT = Path(__file__).parents[2]
PAIR = "mmkd::_base_/pairs/resnet32x4_resnet8x4_cifar100.py"


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments)])


@pytest.mark.parametrize(
    "name",
    [[], *([name] for name in command.commands), *(["store", name] for name in store.commands)],
)
def test_help_has_examples_that_are_commands(name: list[str]) -> None:
    done = run(*name, "--help")
    assert done.exit_code == 0
    text = done.output.replace("\\\n", " ")
    examples = [shlex.split(line) for line in text.splitlines() if "python -m mmkd" in line[:20]]
    assert examples
    for words in examples:
        assert words[3] in command.commands


def test_methods_are_listed_and_searched() -> None:
    names = [line.split()[0] for line in run("methods").output.splitlines()]
    assert {"kd", "erkd", "dkd", "pkd"} <= set(names)
    found = json.loads(run("methods", "entropyweight", "--json").output)
    assert "erkd" in [row["name"] for row in found]
    assert "dkd" not in [row["name"] for row in found]
    assert run("methods", "nosuchword").exit_code == 1


def test_a_method_is_described() -> None:
    text = run("method", "dkd").output
    assert "Decoupled Knowledge Distillation" in text
    assert "  temperature: 4.0 for classifier, 1.0 for roi, 1.0 for segmentor (model.terms." in text
    page = json.loads(run("method", "dkd", "--json").output)
    assert page["method"]["classifier"]["model"]["terms"]["dkd"]["loss"]["type"] == "mmkd.DKDLoss"
    assert "Did you mean 'dkd'" in run("method", "dkdd").output


def test_roles_are_shown_with_their_shapes() -> None:
    config = "mmkd::_base_/models/cifar/resnet8x4.py"
    text = run("roles", config).output
    assert "  @logits: what the class probabilities come from\n    head.fc  (2, 100)" in text
    page = json.loads(run("roles", config, "--json").output)
    assert [tap["tap"] for tap in page["roles"]["stages"]][-1] == "backbone.layer3"
    assert page["missing"].keys() == {"levels", "memory", "masks"}
    assert "There is no config nowhere.py" in run("roles", "nowhere.py").output


def test_a_config_is_composed(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    options = ["--set", "temperature=2", "--cfg-options", "train_cfg.max_epochs=7"]
    done = run("compose", PAIR, "--method", "kd", *options, "--out", path)
    assert done.exit_code == 0, done.output
    config = Config.fromfile(path)
    assert config.model.terms.kd.loss.temperature == 2
    assert config.train_cfg.max_epochs == 7
    assert "--set temperature=2" in path.read_text().splitlines()[1]
    printed = run("compose", PAIR, "--method", "kd", *options).output
    assert Config.fromstring(printed, ".py").model == config.model


def test_every_command_prints_json() -> None:
    names = [[name] for name in command.commands if name != "store"]
    for name in [*names, *(["store", name] for name in store.commands)]:
        assert "--json" in run(*name, "--help").output, name


def test_configs_are_printed_and_written_as_json(tmp_path: Path) -> None:
    pair = ["compose", PAIR, "--method", "kd", "--json"]
    printed = json.loads(run(*pair).stdout)
    assert printed["model"]["terms"]["kd"]["loss"]["type"] == "mmkd.KDLoss"
    path = tmp_path / "kd.py"
    assert json.loads(run(*pair, "--out", path).stdout) == {"path": str(path)}
    together = ["cohort", path, "--seeds", "0,1", "--out", tmp_path / "both.py", "--json"]
    page = dict(path=str(tmp_path / "both.py"), members=["kd_seed0", "kd_seed1"])
    assert json.loads(run(*together).stdout) == page


def test_its_mistakes_are_told_in_words() -> None:
    done = run("compose", PAIR, "--method", "kdd")
    assert done.exit_code == 1
    assert done.output.startswith("Error: There is no method 'kdd'. Did you mean 'kd'?")
    assert "need --method" in run("compose", PAIR, "--set", "x=1").output


def test_the_help_of_a_method_lists_its_settings() -> None:
    done = run("compose", "--method", "kd+dkd", "--help")
    assert done.exit_code == 0
    assert (
        "  beta: 6.0 for classifier, 0.25 for roi, 0.25 for segmentor (model.terms.dkd.loss.beta)"
        in done.output
    )
    assert "student_loss_weight: 0.1 for classifier" in done.output


def completed(words: str, position: int) -> list[str]:
    environment = {
        "_MMKD_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(position),
    }
    done = CliRunner(env=environment).invoke(command, [], complete_var="_MMKD_COMPLETE")
    return [line.partition(",")[2] for line in done.output.splitlines()]


def test_a_shell_completes_commands_and_names_of_methods() -> None:
    assert completed("mmkd meth", 1) == ["method", "methods"]
    found = completed("mmkd method erk", 2)
    assert "erkd" in found
    assert all(name.startswith("erk") for name in found)


def test_the_script_of_completion_asks_the_command() -> None:
    script = (ROOT / "tools/completion.bash").read_text()
    assert "_MMKD_COMPLETE=bash_complete" in script
    words = f"source {ROOT / 'tools/completion.bash'}; complete -p mmkd"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=True)
    assert "_mmkd_complete" in done.stdout


def test_the_doctor_prints_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmkd.doctor.weights.HOSTS", {"these weights": "http://127.0.0.1:9/a.pth"})
    monkeypatch.delenv("MMKD_WEIGHTS", raising=False)
    done = run("doctor", "--weights", "--json")
    shipped, host = json.loads(done.stdout)
    assert (shipped["level"], host["level"]) == ("OK", "WARNING")
    assert done.exit_code == 0


def test_the_cost_of_each_part_is_shown() -> None:
    config = Path(__file__).resolve().parents[2] / "configs/quickstart/erkd_digits.py"
    page = json.loads(run("cost", config, "--batch", 4, "--rounds", 1, "--json").output)
    assert (page["batch"], page["input_shape"]) == (4, [1, 8, 8])
    parts = {part.pop("part"): part for part in page["parts"]}
    names = ["student forward", "student backward", "teacher teacher", "term kd"]
    assert [*parts] == [*names, "sample weight of kd", "whole step"]
    ms = {name: part["ms"] for name, part in parts.items()}
    assert all(value > 0 for value in ms.values())
    assert ms["whole step"] > ms["student forward"] > ms["sample weight of kd"]
    assert parts["whole step"]["weight_mb"] == pytest.approx(
        parts["student forward"]["weight_mb"] + parts["teacher teacher"]["weight_mb"], rel=0.01
    )
    assert all(part["step_mb"] > 0 for part in parts.values())


def test_the_cost_of_what_distils_nothing_is_refused() -> None:
    done = run("cost", "mmkd::_base_/models/cifar/resnet8.py")
    assert done.exit_code == 1
    assert "no mmkd.Distiller with teachers that run" in done.output


def test_a_search_on_the_test_images_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is one of requirements/cluster.txt")
    config = "configs/quickstart/student_digits.py"
    key = "optim_wrapper.optimizer.lr=loguniform(0.01,0.2)"
    done = run("search", ROOT / config, "--work-dir", tmp_path / "runs", "--search", key)
    assert done.exit_code == 1
    assert "100% of the validation images are test images" in done.output
    assert "--hold-out N" in done.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_search_finds_settings_on_held_out_images(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is one of requirements/cluster.txt")
    command = [
        *("search", ROOT / "configs/quickstart/student_digits.py", "--hold-out", 500),
        *("--search", "optim_wrapper.optimizer.lr=choice(0.05,0.1)", "--trials", 1),
        *("--work-dir", tmp_path / "runs", "--cfg-options", "train_cfg.max_epochs=1"),
    ]
    done = run(*command)
    assert done.exit_code == 0, done.output
    assert re.search(
        r"\n  --cfg-options optim_wrapper.optimizer.lr=0.0?[15]$", done.output.rstrip()
    )
    trial = Config.fromfile(tmp_path / "runs/trial_000/config.py")
    assert trial.val_dataloader.dataset.indices == -500
    assert trial.train_dataloader.dataset.indices == 797
    again = run(*command, "--json")
    assert "trial 0" not in again.output
    assert json.loads(again.stdout) == json.loads((tmp_path / "runs/best.json").read_text())
