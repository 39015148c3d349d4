"""Detectors teach smaller ones by one command, on generated scenes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_dense as dense
import torch
from mmengine.config import Config
from scenes import write_scenes
from tool_runs import ROOT, run_tool

from mmkd.registry import MODELS

CLASSES = 10


def deep_gfl(depth: int) -> dict[str, Any]:
    return dense.gfl(depth, stacked_convs=4)


def write(folder: Path, name: str, model: dict[str, Any]) -> Config:
    """Write a training config of a small detector, without a base, and return its model's."""
    model["bbox_head"]["num_classes"] = CLASSES
    model["test_cfg"]["max_per_img"] = 10
    config = Config.fromfile(ROOT / "configs/quickstart_detection/teacher_scenes.py")
    config.model = model
    config.train_cfg.max_epochs = 1
    config.default_hooks.logger.interval = 1
    config.dump(folder / name)
    return config.model


@pytest.mark.slow
@pytest.mark.parametrize(("make", "method"), [(dense.dino, "kddetr"), (deep_gfl, "crosskd")])
def test_a_detector_teaches_a_smaller_one(
    make: Callable[[int], dict[str, Any]], method: str, tmp_path: Path
) -> None:
    write_scenes(tmp_path / "data/scenes")
    small = write(tmp_path, "small.py", make(18))
    teacher = MODELS.build(write(tmp_path, "large.py", make(50)))
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / "large.pth")
    done = run_tool(
        *("train.py", "small.py", "--teacher", "large.py", "large.pth", "--method", method),
        cwd=tmp_path,
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 0, done.stdout[-4000:]
    [log] = tmp_path.rglob("scalars.json")
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    names = [name for name in steps[0] if name.startswith("loss_") and method in name]
    assert names
    for name in names:
        assert [line[name] > 0 for line in steps if name in line] == [True, True]
    [student] = tmp_path.rglob("epoch_1_student.pth")
    weights = torch.load(student, weights_only=True)["state_dict"]
    MODELS.build(small).load_state_dict(weights)
