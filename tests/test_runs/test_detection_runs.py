"""Detectors distilled with the tools, and their files in stock mmdet."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from scenes import write_scenes
from tool_runs import ROOT, WITHOUT_MMKD, free_port, run_in_two_processes, run_tool

mmdet = pytest.importorskip("mmdet")

pytestmark = pytest.mark.slow

CONFIG = ROOT / "configs/quickstart_detection/erkd_scenes.py"
COCO = ROOT / "configs/erkd/fasterrcnn_r101_r18_coco.py"
STOCK = Path(mmdet.__file__).parent / ".mim/tools"
EXPORT = "model_converters/export_student.py"
SHORT = [
    "model.teacher.checkpoint=None",
    "train_cfg.max_epochs=2",
    "train_cfg.val_interval=2",
    "default_hooks.logger.interval=1",
    "randomness.seed=0",
]
# What configs/erkd/fasterrcnn_r101_r18_coco.py needs to run a little without any download.
NO_DOWNLOAD = [
    "model.student._delete_=True",
    "model.student.config=mmkd::_base_/models/coco/fasterrcnn_r18.py",
    "model.student.backbone.init_cfg=None",
    "model.student.test_cfg.rcnn.score_thr=0.0",
    "model.teacher.checkpoint=None",
    "model.teacher.model._delete_=True",
    "model.teacher.model.config=mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py",
    "model.teacher.model.backbone.init_cfg=None",
    "model.teacher.model.test_cfg.rcnn.score_thr=0.0",
    "train_dataloader.dataset.indices=4",
    "train_dataloader.dataset.pipeline.2.scale=(128,128)",
    "val_dataloader.dataset.pipeline.1.scale=(128,128)",
    "train_cfg.max_epochs=1",
]


def ran(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def stock(script: str, *arguments: object, cwd: Path, without: Sequence[str] = ()) -> str:
    """Run one of the tools that mmdet itself ships; mmkd is importable, and not imported."""
    done = subprocess.run(
        [sys.executable, *without, str(STOCK / script), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ran(done)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/scenes, where the quickstart's configs look for them."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder / "data/scenes", train=18, val=4)
    return folder


@pytest.fixture(scope="module")
def distilled(scenes: Path) -> Path:
    """Work folder of two epochs in two processes, resumed for a third."""
    command = ["dist_train.sh", CONFIG, 2]
    port = dict(PORT=str(free_port()))
    ran(run_tool(*command, "--cfg-options", *SHORT, cwd=scenes, **port))
    more = [*SHORT, "train_cfg.max_epochs=3"]
    resumed = run_tool(*command, "--resume", "--cfg-options", *more, cwd=scenes, **port)
    assert "Epoch(train) [3]" in ran(resumed)
    assert "Epoch(train) [1]" not in resumed.stdout
    return scenes / "work_dirs/erkd_scenes"


def test_two_processes_train_evaluate_save_and_resume(distilled: Path) -> None:
    for name in ("epoch_3.pth", "epoch_3_student.pth"):
        assert (distilled / name).is_file()
    logs = "".join(path.read_text() for path in distilled.glob("*/*.log"))
    assert "coco/bbox_mAP" in logs
    assert "Teacher 'teacher' on the validation data" in logs
    assert "loss_kd" in logs


def test_one_process_goes_on_where_two_ended(distilled: Path, scenes: Path) -> None:
    more = [*SHORT, "train_cfg.max_epochs=4"]
    resume = ["--resume", distilled / "epoch_3.pth", "--work-dir", "one"]
    out = ran(run_tool("train.py", CONFIG, *resume, "--cfg-options", *more, cwd=scenes))
    assert "Epoch(train) [4]" in out


def test_stock_mmdet_tests_the_exported_student(distilled: Path, scenes: Path) -> None:
    """The plain config and file, in mmdet's own test.py, find what our test.py finds."""
    out = ran(run_tool(EXPORT, CONFIG, distilled / "epoch_3.pth", "--out-dir", "out", cwd=scenes))
    assert "needs no mmkd" in out
    files = ["out/epoch_3_student.py", "out/epoch_3_student.pth"]
    own = stock("test.py", *files, cwd=scenes, without=["-c", WITHOUT_MMKD])
    assert "missing keys" not in own
    assert "unexpected key" not in own
    no_teacher = ["--cfg-options", "model.teacher.checkpoint=None"]
    ours = ran(run_tool("test.py", CONFIG, distilled / "epoch_3.pth", *no_teacher, cwd=scenes))
    average = [line for line in own.splitlines() if "Average Precision" in line]
    assert average
    assert average == [line for line in ours.splitlines() if "Average Precision" in line]


def test_the_students_file_is_a_detector_of_stock_mmdet(distilled: Path, scenes: Path) -> None:
    from mmdet.apis import inference_detector, init_detector

    ran(run_tool(EXPORT, CONFIG, distilled / "epoch_3.pth", "--out-dir", "apis", cwd=scenes))
    config = Config.fromfile(scenes / "apis/epoch_3_student.py")
    config.model.test_cfg.rcnn.score_thr = 0.0
    file = distilled / "epoch_3_student.pth"
    detector = init_detector(config, str(file), device="cpu")
    weights = torch.load(file, weights_only=True)["state_dict"]
    detector.load_state_dict(weights, strict=True)
    assert detector.dataset_meta["classes"][9] == "nine"
    image = next((scenes / "data/scenes/val2017").iterdir())
    found = inference_detector(detector, str(image)).pred_instances
    assert len(found) > 0
    assert found.bboxes.isfinite().all()
    assert set(found.labels.tolist()) <= set(range(10))


def test_stock_mmdet_trains_the_distiller(tmp_path: Path) -> None:
    """mmdet's own train.py needs nothing but the config's custom_imports."""
    write_scenes(tmp_path / "data/coco", coco_names=True)
    out = stock("train.py", COCO, "--cfg-options", *NO_DOWNLOAD, cwd=tmp_path)
    assert "loss_kd" in out
    assert "coco/bbox_mAP" in out
    assert (tmp_path / "work_dirs/fasterrcnn_r101_r18_coco/epoch_1_student.pth").is_file()


def test_mixed_precision_on_a_cpu(scenes: Path) -> None:
    few = ["train_cfg.max_epochs=1", "train_dataloader.dataset.indices=8"]
    options = ["--amp", "--no-validate", "--work-dir", "amp", "--cfg-options", *SHORT, *few]
    out = ran(run_tool("train.py", CONFIG, *options, cwd=scenes, CUDA_VISIBLE_DEVICES="-1"))
    assert "mmkd.CPUAmpOptimWrapper" in out
    [path] = (scenes / "amp").rglob("scalars.json")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    losses = [value for line in lines for name, value in line.items() if "loss" in name]
    assert any(line.get("loss_kd", 0) > 0 for line in lines)
    assert np.isfinite(losses).all()


def test_processes_with_and_without_boxes_keep_the_same_weights(tmp_path: Path) -> None:
    """No process waits for the gradient of a part that it did not need, and no loss is NaN."""
    run_in_two_processes(Path(__file__).with_name("rois_in_processes.py"), tmp_path)
    ranks = [torch.load(tmp_path / f"rank_{rank}.pth", weights_only=True) for rank in range(2)]
    for rank in ranks:
        assert len(rank["logged"]) == 3
        for losses in rank["logged"]:
            assert np.isfinite([*losses.values()]).all()
            assert all(losses[f"loss_{name}"] > 0 for name in ("er", "ea", "dkd"))
    for name, value in ranks[0]["parameters"].items():
        assert torch.equal(value, ranks[1]["parameters"][name]), name
