"""tools/train.py, dist_train.sh, and mmpretrain's own tools/train.py with our config."""

import json
import os
import re
import runpy
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from tool_runs import FEW_IMAGES, ROOT, Tool, free_port, run_tool

KD = ROOT / "configs/quickstart/kd_digits.py"
NO_TEACHER = "model.teacher.checkpoint=None"


def records(work_dir: Path) -> list[dict[str, Any]]:
    """Return the records of the newest log."""
    [*_, log] = sorted(work_dir.glob("*/vis_data/scalars.json"))
    return [json.loads(line) for line in log.read_text().splitlines()]


def fails(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """Run train.py in this process, and return the words with which it ends."""
    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, arguments)])
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools/train.py"), run_name="__main__")
    return str(ended.value.code)


def test_trains_from_a_config(distilled: Path) -> None:
    training = [record for record in records(distilled) if "loss" in record]
    assert [record["iter"] for record in training] == [1, 2]
    assert {"loss_kd", "loss_student", "loss"} <= set(training[0])
    assert (distilled / "epoch_1.pth").exists()
    assert (distilled / "epoch_1_student.pth").exists()
    assert (distilled / "erkd_digits.py").exists()


def test_names_a_missing_config(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no config nowhere/x.py" in fails(monkeypatch, "nowhere/x.py")


def test_names_a_missing_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = fails(monkeypatch, KD, "--work-dir", tmp_path, "--resume", tmp_path / "lost.pth")
    assert "lost.pth" in words


def test_asks_which_store_is_to_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "say which, by --store PATH" in fails(monkeypatch, KD, "--store-grow")


def test_asks_for_the_base_batch_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = ["--cfg-options", "auto_scale_lr=None"]
    words = fails(monkeypatch, KD, "--work-dir", tmp_path, "--auto-scale-lr", *options)
    assert "base_batch_size" in words


@pytest.mark.slow
def test_resumes(tool: Tool, tmp_path: Path) -> None:
    arguments = ("train.py", KD, "--work-dir", tmp_path / "run", "--cfg-options", NO_TEACHER)
    tool(*arguments, *FEW_IMAGES)
    longer = [option.replace("max_epochs=1", "max_epochs=2") for option in FEW_IMAGES]
    done = tool(*arguments, *longer, "--resume")
    assert "resumed epoch: 1, iter: 2" in done.stdout
    assert [r["iter"] for r in records(tmp_path / "run") if "loss" in r] == [3, 4]
    named = [*arguments, *longer, "--resume", tmp_path / "run/epoch_1.pth"]
    named[3] = tmp_path / "other"
    assert "resumed epoch: 1, iter: 2" in tool(*named).stdout


@pytest.mark.slow
def test_takes_every_argument(tool: Tool, tmp_path: Path) -> None:
    """Mixed precision on this device, a scaled rate, no validation: all of it at once."""
    flags = [
        "--amp",
        "--auto-scale-lr",
        "--no-validate",
        "--no-pin-memory",
        "--no-persistent-workers",
    ]
    options = [*FEW_IMAGES, NO_TEACHER, "train_dataloader.batch_size=32"]
    done = tool("train.py", "mmkd::quickstart/kd_digits.py", "--cfg-options", *options, *flags)
    assert "Scaling the original LR by 0.5" in done.stdout
    wrapper = "AmpOptimWrapper" if torch.cuda.is_available() else "mmkd.CPUAmpOptimWrapper"
    [dumped] = (tmp_path / "work_dirs/kd_digits").glob("*.py")
    assert wrapper in dumped.read_text()
    found = records(tmp_path / "work_dirs/kd_digits")
    assert all("loss" in record for record in found), "nothing was validated"
    assert all(record["loss"] > 0 for record in found)


@pytest.mark.slow
def test_two_processes_share_the_images(tool: Tool, tmp_path: Path) -> None:
    """128 images in two processes with batches of 32 make two iterations."""
    port = free_port()
    options = [*FEW_IMAGES, NO_TEACHER, "train_dataloader.batch_size=32"]
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"}
    tool("dist_train.sh", KD, 2, "--cfg-options", *options, PORT=str(port), **hidden)
    training = [r for r in records(tmp_path / "work_dirs/kd_digits") if "loss" in r]
    assert [record["iter"] for record in training] == [1, 2]
    checkpoint = tmp_path / "work_dirs/kd_digits/epoch_1.pth"
    tested = tool(
        "dist_test.sh", KD, checkpoint, 2, "--cfg-options", *options, PORT=str(port), **hidden
    )
    shown = re.findall(r"accuracy/top1: ([\d.]+)", tested.stdout)
    evaluated = [r for r in records(tmp_path / "work_dirs/kd_digits") if "accuracy/top1" in r]
    assert float(shown[-1]) == pytest.approx(evaluated[-1]["accuracy/top1"], abs=1e-3)


@pytest.mark.slow
def test_two_nodes_train_one_model(tmp_path: Path) -> None:
    """Two nodes of one process each: each takes every second image, and the first one writes."""
    options = [*FEW_IMAGES, NO_TEACHER, "train_dataloader.batch_size=32"]
    common = dict(NNODES="2", PORT=str(free_port()), CUDA_VISIBLE_DEVICES="-1")

    def node(rank: int) -> subprocess.CompletedProcess[str]:
        command = ("dist_train.sh", KD, 1, "--cfg-options", *options)
        return run_tool(*command, cwd=tmp_path, NODE_RANK=str(rank), **common)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(node, range(2))
    assert first.returncode == 0, first.stdout[-4000:]
    assert second.returncode == 0, second.stdout[-4000:]
    work_dir = tmp_path / "work_dirs/kd_digits"
    assert len([*work_dir.glob("*/vis_data/scalars.json")]) == 1
    assert [r["iter"] for r in records(work_dir) if "loss" in r] == [1, 2]
    assert (work_dir / "epoch_1_student.pth").exists()


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = run_tool("dist_train.sh", KD, 2, cwd=tmp_path, PORT=port)
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stdout


@pytest.mark.parametrize(
    "script", ["dist_train.sh", "dist_test.sh", "slurm_train.sh", "slurm_test.sh"]
)
def test_scripts_say_how_to_call_them(script: str, tmp_path: Path) -> None:
    done = run_tool(script, "config.py", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout.startswith("usage:")


@pytest.mark.parametrize(("script", "fourth"), [("train", "work"), ("test", "checkpoint.pth")])
def test_slurm_scripts_pass_everything_on(script: str, fourth: str, tmp_path: Path) -> None:
    """With a stand-in for srun that prints its arguments, one a line."""
    srun = tmp_path / "bin/srun"
    srun.parent.mkdir()
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    tool = ROOT / f"tools/slurm_{script}.sh"
    done = subprocess.run(
        [tool, "gpu", "job", "c.py", fourth, "--cfg-options", "a=[1, 2]"],
        env={**os.environ, "PATH": f"{srun.parent}:{os.environ['PATH']}", "GPUS": "4",
             "GPUS_PER_NODE": "2", "SRUN_ARGS": "--time=5 --mem=1G"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert {"--ntasks=4", "--gres=gpu:2", "--time=5", "--mem=1G", "--launcher=slurm"} <= set(lines)
    assert lines[-2:] == ["--cfg-options", "a=[1, 2]"]
    assert fourth in lines or f"--work-dir={fourth}" in lines


@pytest.mark.slow
def test_mmpretrains_own_tool_trains_our_config(tmp_path: Path) -> None:
    """The config's custom_imports alone tell it of mmkd."""
    import mmpretrain

    own = Path(mmpretrain.__file__).parent / ".mim/tools/train.py"
    options = [*FEW_IMAGES, NO_TEACHER, f"work_dir={tmp_path}"]
    flags = ["--no-persistent-workers"]  # its default fails for loaders without worker processes
    done = subprocess.run(
        [sys.executable, own, KD, *flags, "--cfg-options", *options],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "loss_kd" in records(tmp_path)[0]
