"""Generations of one network, each the teacher of the next, by configs/born_again's README."""

import json
import re
from pathlib import Path

import pytest
import torch
from make_fashion_mnist import write_fashion_mnist
from tool_runs import FEW_IMAGES, ROOT, Tool

METRICS = ("accuracy/top1", "calibration/ece")


def validated(work_dir: Path) -> list[float]:
    """Return the metrics of the run's validation."""
    [log] = work_dir.glob("*/vis_data/scalars.json")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    [found] = [line for line in lines if METRICS[0] in line]
    return [found[metric] for metric in METRICS]


@pytest.mark.slow
def test_each_generation_teaches_the_next(tool: Tool, tmp_path: Path) -> None:
    write_fashion_mnist(tmp_path / "data/fashion_mnist", train=128, test=64, seed=0)
    options = ["train_dataloader.dataset.subset=None", *FEW_IMAGES]
    config = ROOT / "configs/born_again/resnet8_w8_resnet8_w8_fmnist8k.py"
    checkpoint, shown = "None", ""
    for generation in ("ban_1", "ban_2"):
        given = f"model.teacher.checkpoint={checkpoint}"
        shown = tool(
            "train.py", config, "--work-dir", generation, "--cfg-options", *options, given
        ).stdout
        checkpoint = f"{generation}/epoch_1_student.pth"
    [line] = re.findall(r"Teacher 'teacher' on the validation data: (.*)", shown)
    metrics = dict(re.findall(r"(\S+): (\S+)", line))
    found = [float(metrics[metric]) for metric in METRICS]
    assert found == pytest.approx(validated(tmp_path / "ban_1"), abs=1e-4)
    one, other = (torch.load(tmp_path / f"ban_{n}/epoch_1_student.pth") for n in (1, 2))
    assert one["state_dict"].keys() == other["state_dict"].keys()
    weights = (file["state_dict"]["head.fc.weight"] for file in (one, other))
    assert not torch.equal(*weights)
