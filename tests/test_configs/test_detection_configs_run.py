"""Every config of a detector trains two iterations and validates one batch.

The data are scenes in COCO's files; what is overridden is what a user would give as --cfg-options.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
from config_files import DETECTION, ROOT
from mmengine.config import Config
from mmengine.runner import Runner
from scenes import write_scenes

pytest.importorskip("mmdet")

FAST = "erkd/fasterrcnn_r101_r18_coco.py"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLASSES = {
    "train_dataloader.dataset.metainfo.classes": NAMES,
    "val_dataloader.dataset.metainfo.classes": NAMES,
}
HEADS = {
    "model.student.roi_head.bbox_head.num_classes": 10,
    "model.teacher.model.roi_head.bbox_head.num_classes": 10,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data where the configs look for them: COCO's categories, and the ten digits."""
    folder = tmp_path_factory.mktemp("data")
    write_scenes(folder / "data/coco", coco_names=True)
    write_scenes(folder / "data/scenes")
    write_scenes(folder / "digits/data/coco")
    return folder


@pytest.fixture
def work_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder that is emptied at once: the checkpoints take hundreds of megabytes each."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def shorten(config: Config) -> dict[str, Any]:
    """Options for two iterations on small images, in this process."""
    options: dict[str, Any] = {"default_hooks.logger.interval": 1, "randomness.seed": 0}
    for loader in ("train_dataloader", "val_dataloader"):
        options |= {f"{loader}.num_workers": 0, f"{loader}.persistent_workers": False}
        resize = 1 if loader == "val_dataloader" else 2
        if config[loader].dataset.pipeline[resize].type == "Resize":
            options |= {f"{loader}.dataset.pipeline.{resize}.scale": (128, 128)}
    if "max_iters" in config.train_cfg:
        options |= {"train_cfg.max_iters": 2, "train_cfg.val_interval": 2}
        return options | {"default_hooks.checkpoint.interval": 2}
    images = 2 * config.train_dataloader.batch_size
    options |= {"train_dataloader.dataset.filter_cfg.filter_empty_gt": False}
    return options | {"train_cfg.max_epochs": 1, "train_dataloader.dataset.indices": images}


def without_weights(config: Config) -> dict[str, Any]:
    """Options for networks that load no weights."""
    options: dict[str, Any] = {}
    if "teacher" in config.model:
        options = {"model.teacher.checkpoint": None}
        files = {"student": config.model.student, "teacher.model": config.model.teacher.model}
        for network, file in files.items():
            # The file's name gives way to what differs from it.
            here = f"model.{network}"
            options |= {f"{here}._delete_": True, f"{here}.config": file}
            options |= {f"{here}.backbone.init_cfg": None}
            # Nothing that an untrained detector finds comes near the threshold of the scores.
            options |= {f"{here}.test_cfg.rcnn.score_thr": 0.0}
    return options


def train(name: str, work_dir: Path, **options: Any) -> Runner:
    config = Config.fromfile(ROOT / name)
    options = {**shorten(config), **without_weights(config), **options}
    # mmdet names its visualizer, and MMEngine would take that of an earlier run again.
    config.merge_from_dict({**options, "work_dir": str(work_dir), "visualizer.name": work_dir.name})
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


@pytest.mark.parametrize(
    "name",
    [name if name == FAST else pytest.param(name, marks=pytest.mark.slow) for name in DETECTION],
)
def test_it_trains_and_validates(name: str, folder: Path, work_dir: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    runner = train(name, work_dir)
    assert runner.iter == 2
    scalars = runner.message_hub.log_scalars
    assert {"train/loss_rpn_cls", "train/loss_cls"} <= {*scalars}
    if type(runner.model).__name__ == "Distiller":
        assert {"train/loss_kd", "val/coco/bbox_mAP"} <= {*scalars}
        assert "coco/bbox_mAP" in runner.message_hub.get_info("teacher_metrics/teacher")
        last = "iter_2" if "180k" in name else "epoch_1"
        assert (work_dir / f"{last}_student.pth").is_file()


@pytest.mark.slow
def test_other_classes_are_named_and_counted(folder: Path, work_dir: Path, monkeypatch) -> None:
    """The names of the dataset's classes, and their number in both heads, are all it takes."""
    monkeypatch.chdir(folder / "digits")
    runner = train(FAST, work_dir, **CLASSES, **HEADS)
    assert runner.model.student.roi_head.bbox_head.fc_cls.out_features == 11
    assert "val/coco/bbox_mAP" in runner.message_hub.log_scalars


@pytest.mark.slow
def test_heads_of_other_classes_are_refused(folder: Path, work_dir: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder / "digits")
    options = dict(CLASSES)
    options["model.student.roi_head.bbox_head.num_classes"] = 10
    with pytest.raises(ValueError, match=r"student has 11 classes and the teacher .* has 81"):
        train(FAST, work_dir, **options)
