"""tools/test.py with every sensible pair of config and checkpoint, and some that are not."""

import json
import pickle
import runpy
import sys
from pathlib import Path

import pytest
import torch
from tool_runs import FEW_IMAGES, ROOT, Tool

KD = ROOT / "configs/quickstart/kd_digits.py"
STUDENT = ROOT / "configs/quickstart/student_digits.py"
TEACHER = ROOT / "configs/quickstart/teacher_digits.py"
OPTIONS = ["--cfg-options", *FEW_IMAGES]
NO_TEACHER = "model.teacher.checkpoint=None"


def fails(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """Run test.py in this process, and return the words with which it ends."""
    monkeypatch.setattr(sys, "argv", ["test.py", *map(str, arguments)])
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools/test.py"), run_name="__main__")
    return str(ended.value.code)


def accuracy_in_training(work_dir: Path) -> float:
    [log] = work_dir.glob("*/vis_data/scalars.json")
    found = [json.loads(line) for line in log.read_text().splitlines()]
    return float(found[-1]["accuracy/top1"])


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", ["epoch_1.pth", "epoch_1_student.pth"])
@pytest.mark.parametrize("config", [KD, STUDENT])
def test_either_checkpoint_with_either_config(
    tool: Tool, distilled: Path, tmp_path: Path, config: Path, checkpoint: str
) -> None:
    options = [*OPTIONS, NO_TEACHER] if config == KD else OPTIONS
    out = ["--out", tmp_path / "metrics.json", "--out-item", "metrics"]
    tool("test.py", config, distilled / checkpoint, *out, *options)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["accuracy/top1"] == pytest.approx(accuracy_in_training(distilled))


@pytest.mark.slow
def test_writes_predictions_and_images(tool: Tool, distilled: Path, tmp_path: Path) -> None:
    flags = ["--out", tmp_path / "predictions.pkl", "--amp", "--no-pin-memory"]
    drawn = ["--show-dir", tmp_path / "drawn", "--interval", 16]
    tool("test.py", KD, distilled / "epoch_1.pth", *flags, *drawn, *OPTIONS, NO_TEACHER)
    with open(tmp_path / "predictions.pkl", "rb") as file:
        assert len(pickle.load(file)) == 64
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 4


@pytest.mark.slow
def test_augments_at_test_time(tool: Tool, distilled: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "predictions.pkl", "--tta"]
    tool("test.py", KD, distilled / "epoch_1.pth", *out, *OPTIONS, NO_TEACHER)
    with open(tmp_path / "predictions.pkl", "rb") as file:
        assert len(pickle.load(file)) == 64


def test_names_a_missing_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = fails(monkeypatch, STUDENT, tmp_path / "lost.pth", "--work-dir", tmp_path)
    assert "There is no checkpoint" in words
    assert "lost.pth" in words


def test_names_a_missing_config(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no config nowhere/x.py" in fails(monkeypatch, "nowhere/x.py", "x.pth")


def test_refuses_weights_of_another_network(
    monkeypatch: pytest.MonkeyPatch, distilled: Path, tmp_path: Path
) -> None:
    """MMEngine's own loader would warn, and evaluate random weights."""
    words = fails(monkeypatch, TEACHER, distilled / "epoch_1.pth", "--work-dir", tmp_path, *OPTIONS)
    assert "does not fit ImageClassifier" in words
    assert "backbone.layer1.1.conv1.weight" in words


def test_refuses_a_checkpoint_that_executes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return Path.touch, (tmp_path / "executed",)

    torch.save(dict(state_dict=Attack()), tmp_path / "evil.pth")
    words = fails(monkeypatch, STUDENT, tmp_path / "evil.pth", "--work-dir", tmp_path)
    assert "Refused to load" in words
    assert not (tmp_path / "executed").exists()
