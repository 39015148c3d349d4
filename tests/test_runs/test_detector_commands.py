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
ARCH = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=24)


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
@pytest.mark.parametrize(
    ("make", "method", "term"),
    [
        (dense.dino, "kddetr", "kddetr"),
        (dense.dino, "fitnet", "hint"),  # on what the encoder gives to the decoder
        (deep_gfl, "crosskd", "crosskd"),
        (dense.gfl, "erkd_ddf", "ddf"),
    ],
)
def test_a_detector_teaches_a_smaller_one(
    make: Callable[[int], dict[str, Any]], method: str, term: str, tmp_path: Path
) -> None:
    teacher = MODELS.build(write(tmp_path, "large.py", make(50)))
    teacher.init_weights()  # DINO's level_embed is memory as it was found until then
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / "large.pth")
    train(tmp_path, make(18), ["large.py", "large.pth"], method, term)


@pytest.mark.slow
def test_a_vit_teaches_the_backbone_of_a_detector(tmp_path: Path) -> None:
    vit = dict(type="VisionTransformer", _scope_="mmpretrain", arch=ARCH, patch_size=16)
    backbone = dict(vit, img_size=128, out_type="raw")
    model = dict(type="ImageClassifier", _scope_="mmpretrain", backbone=backbone)
    Config(dict(model=model)).dump(tmp_path / "vit.py")
    train(tmp_path, dense.retinanet(18), ["vit.py", "random"], "foundation", "foundation")


def train(folder: Path, model: dict[str, Any], teacher: list[str], method: str, term: str) -> None:
    """Train a detector by a method for two steps; its terms act, and its file holds it alone."""
    write_scenes(folder / "data/scenes")
    small = write(folder, "small.py", model)
    done = run_tool(
        *("train.py", "small.py", "--teacher", *teacher, "--method", method),
        cwd=folder,
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 0, done.stdout[-4000:]
    [log] = folder.rglob("scalars.json")
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    names = [name for name in steps[0] if name.startswith(f"loss_{term}")]
    assert names
    for name in names:
        assert [line[name] > 0 for line in steps if name in line] == [True, True]
    [student] = folder.rglob("epoch_1_student.pth")
    weights = torch.load(student, weights_only=True)["state_dict"]
    MODELS.build(small).load_state_dict(weights)
