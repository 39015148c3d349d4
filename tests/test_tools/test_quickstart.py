"""The quickstart, small."""

import runpy
import sys
from pathlib import Path

import pytest
from tool_runs import ROOT, Tool


def test_quickstart_says_what_it_lacks_before_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(sys, "argv", ["quickstart.py"])
    with pytest.raises(SystemExit, match="needs matplotlib: "):
        runpy.run_path(str(ROOT / "tools/quickstart.py"), run_name="__main__")


@pytest.mark.slow
def test_quickstart(tool: Tool, tmp_path: Path) -> None:
    """In a folder whose name MMEngine's ``--cfg-options`` would take apart."""
    done = tool("quickstart.py", "--quick", "--work-dir", "a b/c,d")
    assert "a single seed" in done.stdout
    for name in ("Teacher", "Student alone", "Student with KD", "Student with ER-KD"):
        assert f"\n{name}  " in done.stdout
    card = (tmp_path / "a b/c,d/model_card.html").read_text()
    assert "<h2>Gain by class</h2>" in card
    figure = tmp_path / "a b/c,d/quickstart.png"
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert len(done.stdout.splitlines()) < 30, "progress, not a flood"
