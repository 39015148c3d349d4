"""tools/model_converters/mmrazor2mmkd.py: what it writes, and a refusal writes nothing."""

import runpy
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from tool_runs import ROOT

TOOL = str(ROOT / "tools/model_converters/mmrazor2mmkd.py")
CIFAR = ROOT / "configs/_base_/models/cifar"
SOURCE = """
model = dict(
    _scope_="mmrazor",
    type="SingleTeacherDistill",
    architecture=dict(cfg_path="CIFAR/resnet8x4.py"),
    teacher=dict(cfg_path="CIFAR/resnet32x4.py"),
    distiller=dict(
        type="ConfigurableDistiller",
        student_recorders=dict(fc=dict(type="ModuleOutputs", source="head.fc")),
        teacher_recorders=dict(fc=dict(type="ModuleOutputs", source="head.fc")),
        distill_losses=dict(loss_kl=dict(type="LOSS", tau=2)),
        loss_forward_mappings=dict(
            loss_kl=dict(
                preds_S=dict(from_student=True, recorder="fc"),
                preds_T=dict(from_student=False, recorder="fc"),
            )
        ),
    ),
)
"""


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, loss: str) -> Path:
    source, written = folder / "razor.py", folder / "new" / "kd.py"
    source.write_text(SOURCE.replace("LOSS", loss).replace("CIFAR", str(CIFAR)))
    monkeypatch.setattr(sys, "argv", [TOOL, str(source), str(written)])
    runpy.run_path(TOOL, run_name="__main__")
    return written


def test_a_config_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = run(monkeypatch, tmp_path, "KLDivergence")
    assert Config.fromfile(written).model.terms.kl.loss.temperature == 2
    said = capsys.readouterr().out
    assert "with the terms kl." in said
    assert "model.teacher_ckpt: there is none" in said
    assert "razor.py" in written.read_text().splitlines()[1]  # the command


def test_a_refusal_names_the_key_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=r"distill_losses\.loss_kl: mmkd has no FBKDLoss"):
        run(monkeypatch, tmp_path, "FBKDLoss")
    assert not (tmp_path / "new").exists()
