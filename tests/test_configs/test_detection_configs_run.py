"""Pairs of detectors train two iterations by KD, and a pair by each other method.

The data are scenes in COCO's files; what is overridden is what a user would give as --cfg-options.
ResNets are narrow: those of the real width are tested by the commands of the README.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
from config_files import DETECTION, METHODS, PAIRS, ROOT, base, composed
from mmengine.config import Config
from mmengine.runner import Runner
from scenes import write_cells, write_scenes

from mmkd.networks.building import network_config

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
    write_cells(folder / "data/bccd/BCCD")
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
    dataset, batch = "train_dataloader.dataset", min(config.train_dataloader.batch_size, 2)
    dataset += ".dataset" if "dataset" in config.train_dataloader.dataset else ""
    options |= {f"{dataset}.filter_cfg.filter_empty_gt": False, f"{dataset}.indices": 2 * batch}
    return options | {"train_cfg.max_epochs": 1, "train_dataloader.batch_size": batch}


def smaller(value: Any) -> Any:
    """Return part of a config in which sizes, such as those of a mosaic's images, are a fifth."""
    if isinstance(value, dict):
        return type(value)({key: smaller(item) for key, item in value.items()})
    numbers = isinstance(value, list | tuple) and all(isinstance(item, int) for item in value)
    if numbers and value and max(map(abs, value)) >= 300:
        return type(value)(item // 5 for item in value)
    return type(value)(map(smaller, value)) if isinstance(value, list | tuple) else value


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
            options |= {f"{here}.{key}": value for key, value in narrow(file).items()}
            # Nothing that an untrained detector finds comes near the threshold of the scores.
            part = ".rcnn" if "rcnn" in file else ""
            options |= {f"{here}.test_cfg{part}.score_thr": 0.0}
    return options


def narrow(file: str) -> dict[str, Any]:
    """Options for a ResNet of an eighth of the width, and for less to do behind it."""
    model = network_config(file)
    backbone = model["backbone"]
    if backbone["type"] != "ResNet" or "base_channels" in backbone:
        return {}
    widths = [width // 8 for width in model["neck"]["in_channels"]]
    options = {"backbone.base_channels": 8, "neck.in_channels": widths}
    if "roi_head" in model:
        head = {"roi_head.bbox_head.fc_out_channels": 64, "train_cfg.rcnn.sampler.num": 64}
    else:
        head = {"bbox_head.feat_channels": 64}
    return {**options, **head}


def load(name: str) -> Config:
    """The config of a method and a pair, which need not be a file."""
    path = ROOT / name
    return Config.fromfile(path) if path.exists() else composed(path.stem, path.parent.name)


def train(name: str, work_dir: Path, **options: Any) -> Runner:
    config = load(name)
    options = {**shorten(config), **without_weights(config), **options}
    if "_l_s_" in name:  # pipelines of several images have sizes everywhere
        for part in ("train_dataloader", "val_dataloader", "custom_hooks"):
            config[part] = smaller(config[part])
    # mmdet names its visualizer, and MMEngine would take that of an earlier run again.
    config.merge_from_dict({**options, "work_dir": str(work_dir), "visualizer.name": work_dir.name})
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def chosen() -> list[str]:
    """Return the files to run: those of no method, all pairs by KD, each method on one pair."""
    pairs = [pair for pair in PAIRS if pair.endswith("_coco")]
    places = dict(roi="fasterrcnn_r101_r50_coco", dense="retinanet_r101_r50_coco")
    places["dense_ld"] = "gfl_r101_r18_coco"  # the only head with LD's second output
    names = {name for name in DETECTION if name.endswith(("_scenes.py", "_bccd.py"))}
    names |= {f"kd/{pair}.py" for pair in pairs}
    for method in METHODS:
        for kind in base("methods", method).method:
            place = places.get(f"{kind}_{method}", places.get(kind))
            names |= {f"{method}/{place}.py"} if place else set()
    return sorted({*names, FAST})


@pytest.mark.parametrize(
    "name",
    [name if name == FAST else pytest.param(name, marks=pytest.mark.slow) for name in chosen()],
)
def test_it_trains_and_validates(name: str, folder: Path, work_dir: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    runner = train(name, work_dir)
    assert runner.iter == 2
    scalars = runner.message_hub.log_scalars
    assert {"train/loss_cls", "train/loss_bbox"} <= {*scalars}
    if type(runner.model).__name__ == "Distiller":
        terms = {f"train/loss_{term}" for term in runner.model.terms}
        assert {*terms, "val/coco/bbox_mAP"} <= {*scalars}
        assert len(terms) == len(runner.cfg.model.terms)
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
    with pytest.raises(ValueError, match=r"10 classes and .* 80 classes and background"):
        train(FAST, work_dir, **options)
