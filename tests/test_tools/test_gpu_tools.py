"""Tools for GPU machines, tried on a CPU at a small size."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import equal
from tool_runs import ROOT, Tool, free_port
from warm_python import run_script

SMALL = ["--device", "cpu", "--batch-size", 4, "--seeds", 2]


@pytest.mark.slow
def test_sharded_training_is_measured(tool: Tool, tmp_path: Path) -> None:
    script = ROOT / "tools/benchmarks/gpu_sharding.py"
    small = ["--work-dir", str(tmp_path), "--small", "--steps", "3", "--batch-size", "2"]
    one = dict(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", LOCAL_WORLD_SIZE="1")
    one |= dict(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()), CUDA_VISIBLE_DEVICES="-1")
    part = [*small, "--parts", "fsdp_teacher"]
    done = run_script(script, part, tmp_path, {**os.environ, "PYTHONPATH": str(ROOT), **one})
    assert done.returncode == 0, done.stdout[-2000:]
    assert json.loads((tmp_path / "fsdp_teacher/cost.json").read_text())["ms"] > 0
    assert (tmp_path / "fsdp_teacher/iter_3.pth").exists()
    if find_spec("deepspeed") is None:
        tool("benchmarks/gpu_sharding.py", *small, "--parts", "zero3_teacher")
        (zero,) = json.loads((tmp_path / "gpu_sharding.json").read_text())["parts"]
        assert zero["failed"] == "deepspeed is not installed"


@pytest.mark.slow
def test_the_check_for_a_gpu_runs_on_a_cpu(tool: Tool, tmp_path: Path) -> None:
    tool("benchmarks/gpu_check.py", "--device", "cpu", "--out", tmp_path, "--methods", "kd", "nokd")
    result = json.loads((tmp_path / "gpu_check.json").read_text())
    assert result["sweep"]["kd"] == dict(relative=0.0, synchronisations={})
    assert "nokd" in result["sweep"]["nokd"]
    assert {"mmkd", "KD by hand"} <= set(result["speed"]["kd, 4 images"])
    assert all(part["ms"] > 0 for part in result["speed"]["kd, 4 images"].values())
    assert set(result["teachers"]["8 images"]) == {"as written", "bfloat16"}


@pytest.mark.slow
def test_small_images_on_a_gpu_are_measured_on_a_cpu(tool: Tool, tmp_path: Path) -> None:
    networks = ["--student", "resnet8", "--teacher", "resnet8"]
    few = [*SMALL, "--images", 16, "--steps", 2, "--workers", 0, "--manners", "float32"]
    tool("benchmarks/gpu_small_images.py", *few, *networks, "--out", tmp_path)
    result = json.loads((tmp_path / "gpu_small_images.json").read_text())
    parts = {"loop": 1, "one: float32": 1, "seeds: float32": 2, "stacked: float32": 2}
    assert {name: result[name]["models"] for name in parts} == parts
    for name in parts:
        seconds, speed = result[name]["seconds"], result[name]["images_per_second"]
        assert speed == pytest.approx(4 / seconds)
        assert result[name]["cell_minutes"] == pytest.approx(240 * 50_000 / speed / 60)
    # the same students, batches and loss, so that stacking changes nothing but rounding
    one, other = result["seeds: float32"]["loss"], result["stacked: float32"]["loss"]
    assert one == pytest.approx(other, rel=1e-3)


@pytest.mark.slow
def test_a_cell_of_cifar100_goes_on_where_its_time_was_over(tool: Tool, tmp_path: Path) -> None:
    for split, count in dict(train=8, test=4).items():
        images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        np.savez_compressed(tmp_path / f"{split}_0.npz", images=images, labels=np.arange(count))
    cell = ["--parts", tmp_path, "--pair", "resnet32x4_resnet8x4", "--methods", "kd", "eakd"]
    few = [*SMALL, *cell, "--epochs", 2, "--plain"]
    arguments = ["train", *few, "--state", tmp_path / "whole", "--out", tmp_path]
    tool("benchmarks/gpu_cifar100.py", *arguments)
    whole = json.loads((tmp_path / "gpu_cifar100.json").read_text())
    arguments = ["train", *few, "--state", tmp_path / "parts", "--out", tmp_path, "--minutes", 0]
    for done in ((1, None), (2, None), (2, 1), (2, 2)):
        tool("benchmarks/gpu_cifar100.py", *arguments)
        result = json.loads((tmp_path / "gpu_cifar100.json").read_text())
        assert (result["teacher"]["epochs"], result.get("students", {}).get("epochs")) == done
    for name in ("teacher", "students"):
        assert result[name]["accuracy"] == whole[name]["accuracy"]
    assert set(result["students"]["accuracy"]) == {"kd", "eakd"}
    for file in ("teacher/teacher_2.pth", "students/eakd_1_2.pth"):
        one, other = (
            torch.load(tmp_path / run / "resnet32x4_resnet8x4" / file)["state_dict"]
            for run in ("whole", "parts")
        )
        assert equal(one, other)
