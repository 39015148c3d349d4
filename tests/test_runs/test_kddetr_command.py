"""A DINO teaches a smaller one with the same queries, by one command, on generated scenes."""

import json
from pathlib import Path

import pytest
import tiny_dense as dense
import torch
from mmengine.config import Config
from scenes import write_scenes
from tool_runs import ROOT, run_tool

from mmkd.registry import MODELS

CLASSES = 10


def write(folder: Path, name: str, depth: int) -> Config:
    """Write a training config of a small DINO, without a base, and return its model's."""
    model = dense.dino(depth)
    model["bbox_head"]["num_classes"] = CLASSES
    model["test_cfg"] = dict(max_per_img=10)
    config = Config.fromfile(ROOT / "configs/quickstart_detection/teacher_scenes.py")
    config.model = model
    config.train_cfg.max_epochs = 1
    config.default_hooks.logger.interval = 1
    config.dump(folder / name)
    return config.model


@pytest.mark.slow
def test_a_dino_teaches_a_smaller_one(tmp_path: Path) -> None:
    write_scenes(tmp_path / "data/scenes")
    small = write(tmp_path, "small.py", 18)
    teacher = MODELS.build(write(tmp_path, "large.py", 50))
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / "large.pth")
    done = run_tool(
        *("train.py", "small.py", "--teacher", "large.py", "large.pth", "--method", "kddetr"),
        cwd=tmp_path,
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 0, done.stdout[-4000:]
    [log] = tmp_path.rglob("scalars.json")
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    losses = [line["loss_kddetr"] for line in steps if "loss_kddetr" in line]
    assert len(losses) == 2
    assert all(loss > 0 for loss in losses)
    [student] = tmp_path.rglob("epoch_1_student.pth")
    weights = torch.load(student, weights_only=True)["state_dict"]
    MODELS.build(small).load_state_dict(weights)
