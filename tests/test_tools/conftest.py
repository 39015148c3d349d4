"""Fixtures that run the tools."""

import subprocess
from pathlib import Path

import pytest
from tool_runs import FEW_IMAGES, ROOT, Tool, run_tool


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Runs a tool in an empty folder, and expects it to succeed."""

    def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
        done = run_tool(*command, cwd=tmp_path, **environment)
        assert done.returncode == 0, done.stdout[-4000:]
        return done

    return run


@pytest.fixture(scope="session")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work folder of an ER-KD run over two iterations, its teacher untrained."""
    folder = tmp_path_factory.mktemp("distilled")
    done = run_tool(
        "train.py",
        ROOT / "configs/quickstart/erkd_digits.py",
        "--cfg-options",
        "model.teacher.checkpoint=None",
        *FEW_IMAGES,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return folder / "work_dirs/erkd_digits"
