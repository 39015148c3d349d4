"""tools/model_converters/export_network.py."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from tool_runs import ROOT

TOOL = ROOT / "tools/model_converters/export_network.py"


def export(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name="__main__")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "ending"), [("onnx", "onnx"), ("torchscript", "pt")])
def test_a_student_is_exported_and_equals_the_network(
    kind: str, ending: str, distilled: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / f"student.{ending}"
    export(monkeypatch, distilled, "--format", kind, "--out", out)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith(f"{out}: differs by ")
    assert said.endswith("on 8 images")
    if kind == "torchscript":
        assert torch.jit.load(str(out))(torch.zeros(3, 1, 8, 8))[0].shape == (3, 10)


@pytest.mark.slow
def test_a_file_that_computes_something_else_is_an_error(
    distilled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.jit, "load", lambda path: lambda images: [images.new_zeros(8, 10)])
    with pytest.raises(SystemExit, match="which is no rounding"):
        export(monkeypatch, distilled, "--format", "torchscript", "--out", tmp_path / "a.pt")


def test_a_folder_without_a_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="should hold the config of one run"):
        export(monkeypatch, tmp_path, "--format", "torchscript")
