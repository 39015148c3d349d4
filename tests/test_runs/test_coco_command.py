"""The README's command for detectors, on generated data in the place of MS-COCO.

It is `bash tools/dist_train.sh configs/erkd/fasterrcnn_r101_r18_coco.py N --cfg-options ...`.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from scenes import write_scenes
from tool_runs import ROOT, free_port, run_tool

pytest.importorskip("mmdet")

CONFIG = ROOT / "configs/erkd/fasterrcnn_r101_r18_coco.py"
OPTIONS = [
    # No download: the networks' configs, without the addresses of weights.
    "model.student._delete_=True",
    "model.student.config=mmkd::_base_/models/coco/fasterrcnn_r18.py",
    "model.student.backbone.init_cfg=None",
    "model.teacher.checkpoint=None",
    "model.teacher.model._delete_=True",
    "model.teacher.model.config=mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py",
    "model.teacher.model.backbone.init_cfg=None",
    # Untrained detectors find something, and quickly.
    "model.student.train_cfg.rcnn.sampler.num=32",
    "model.student.test_cfg.rcnn.score_thr=0.0",
    "model.student.test_cfg.rpn.max_per_img=20",
    "model.teacher.model.test_cfg.rcnn.score_thr=0.0",
    "model.teacher.model.test_cfg.rpn.max_per_img=20",
    "train_dataloader.dataset.pipeline.2.scale=(96,96)",
    "val_dataloader.dataset.pipeline.1.scale=(96,96)",
    *(
        f"{loader}.{option}"
        for loader in ("train_dataloader", "val_dataloader")
        for option in ("num_workers=0", "persistent_workers=False")
    ),
    # The teacher is random: a resumed run must build the same one.
    "randomness.seed=0",
    "default_hooks.logger.interval=1",
]


def distil(folder: Path, processes: int, epochs: int, *arguments: str) -> list[dict[str, float]]:
    """Run the command in a folder, and return what it logged."""
    before = {*folder.rglob("scalars.json")}
    done = run_tool(
        *("dist_train.sh", CONFIG, processes, *arguments),
        *("--cfg-options", *OPTIONS, f"train_cfg.max_epochs={epochs}"),
        cwd=folder,
        PORT=str(free_port()),
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 0, done.stdout[-4000:]
    [log] = {*folder.rglob("scalars.json")} - before
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.slow
def test_it_trains_evaluates_saves_resumes_and_exports(tmp_path: Path) -> None:
    """Two processes, then one that goes on."""
    write_scenes(tmp_path / "data/coco", train=7, coco_names=True)
    work = tmp_path / "work_dirs/fasterrcnn_r101_r18_coco"
    for processes, epoch, resume in ((2, 1, []), (1, 2, ["--resume"])):
        logged = distil(tmp_path, processes, epoch, *resume)
        steps = [line for line in logged if "loss_kd" in line]
        assert {line["epoch"] for line in steps} == {epoch}
        assert all(line["loss_kd"] > 0 and np.isfinite(line["loss"]) for line in steps)
        assert any("coco/bbox_mAP" in line for line in logged)
        student = torch.load(work / f"epoch_{epoch}_student.pth", weights_only=True)["state_dict"]
        assert all(value.isfinite().all() for value in student.values())

    export = ["model_converters/export_student.py", CONFIG, work / "epoch_2.pth"]
    done = run_tool(*export, "--out-dir", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    from mmdet.registry import MODELS

    config = Config.fromfile(tmp_path / "out/epoch_2_student.py")
    assert config.model.type == "FasterRCNN"
    weights = torch.load(tmp_path / "out/epoch_2_student.pth", weights_only=True)["state_dict"]
    MODELS.build(config.model).load_state_dict(weights, strict=True)
    assert all(torch.equal(weights[name], value) for name, value in student.items())
