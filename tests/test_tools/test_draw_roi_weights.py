"""Figures of RoIs: their data, and refused arguments."""

import runpy
from argparse import Namespace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from tool_runs import ROOT, run_tool

pytest.importorskip("mmdet")

from scenes import write_scenes
from tiny_detectors import distiller

from mmkd.networks.building import build_network, network_config

TOOL = ROOT / "tools/analysis_tools/draw_roi_weights.py"
CONFIG = ROOT / "configs/quickstart_detection/erkd_scenes.py"
STUDENT = "mmkd::quickstart_detection/student_scenes.py"


@pytest.fixture(scope="module")
def tool() -> dict[str, Any]:
    return runpy.run_path(str(TOOL))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/scenes and, as student.pth, an untrained student alone."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder / "data/scenes", train=2, val=3)
    weights = build_network(network_config(STUDENT)).state_dict()
    torch.save(dict(state_dict=weights), folder / "student.pth")
    return folder


def arguments(**changed: Any) -> Namespace:
    given = dict(
        config=str(CONFIG), checkpoint="student.pth", split="val", indices=[0], term=None,
        teacher=None, top=5, seed=0, out_dir=Path("out"), trust_checkpoint=False,
        cfg_options={"model.teacher.checkpoint": None},
    )  # fmt: skip
    return Namespace(**{**given, **changed})


@pytest.mark.slow
def test_each_image_has_a_picture_of_any_weight(
    tool: dict[str, Any], scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(scenes)
    torch.manual_seed(0)  # of the teacher, which has no checkpoint here
    tool["draw"](arguments(indices=[0, 2]))
    drawn = sorted(path.name for path in Path("out").iterdir())
    assert drawn == ["000000000009_kd.png", "000000000023_kd.png"]
    assert capsys.readouterr().out.count("RoIs are objects to the teacher") == 2
    first = Path("out/000000000009_kd.png").read_bytes()
    torch.manual_seed(0)
    tool["draw"](arguments(out_dir=Path("again")))
    assert Path("again/000000000009_kd.png").read_bytes() == first
    weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0)
    options = {
        "model.teacher.checkpoint": None,
        "model.terms.kd.sample_weight": dict(_delete_=True, **weight),
        # A term that would not act in the first epoch.
        "model.terms.kd.schedule": dict(begin=5),
    }
    torch.manual_seed(0)
    tool["draw"](arguments(out_dir=Path("ea"), cfg_options=options))
    assert Path("ea/000000000009_kd.png").read_bytes() != first
    tool["draw"](arguments(out_dir=Path("train"), split="train"))
    assert len(list(Path("train").iterdir())) == 1


@pytest.mark.slow
def test_what_cannot_be_drawn_is_said_in_words(
    tool: dict[str, Any], scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scenes)
    with pytest.raises(ValueError, match="no image 3: the dataset has 3"):
        tool["draw"](arguments(indices=[3]))
    with pytest.raises(ValueError, match="no term 'er'; there are kd"):
        tool["draw"](arguments(term="er"))
    kd = str(CONFIG.with_name("kd_scenes.py"))
    with pytest.raises(ValueError, match="no sample weight"):
        tool["draw"](arguments(config=kd))
    done = run_tool("analysis_tools/draw_roi_weights.py", CONFIG, "none.pth", cwd=scenes)
    assert done.returncode == 1
    assert "Train it first by its own config" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_config_without_a_distiller_is_refused(tool: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no mmkd\.Distiller"):
        tool["draw"](arguments(config=CONFIG.with_name("student_scenes.py")))


@pytest.mark.parametrize("split", ["train", "val"])
def test_boxes_are_scaled_with_their_image(
    tool: dict[str, Any], scenes: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    """mmdet's pipeline of validation leaves the boxes in the pixels of the image's file."""
    monkeypatch.chdir(scenes)
    config = Config.fromfile(CONFIG)
    pipeline = config.val_dataloader.dataset.pipeline
    resize = dict(type="Resize", scale=(64, 64), keep_ratio=True)
    config.val_dataloader.dataset.pipeline = [pipeline[0], resize, pipeline[1], pipeline[-1]]
    config.train_dataloader.dataset = dict(
        type="RepeatDataset", times=2, dataset=config.train_dataloader.dataset
    )
    dataset = tool["build_dataset"](config, split)
    for index in range(len(dataset)):
        sample = dataset[index]["data_samples"]
        original = dataset.get_data_info(index)["instances"]
        boxes = [item["bbox"] for item in original if not item["ignore_flag"]]
        expected = torch.tensor(boxes).reshape(-1, 4) / 2
        found = sample.gt_instances.bboxes.tensor
        assert max(sample.img_shape) == 64
        assert torch.allclose(found, expected.to(found), atol=0.5)


def test_a_config_without_boxes_for_validation_is_refused(tool: dict[str, Any]) -> None:
    config = Config.fromfile(CONFIG)
    pipeline = config.val_dataloader.dataset.pipeline
    config.val_dataloader.dataset.pipeline = [pipeline[0], *pipeline[2:]]
    with pytest.raises(ValueError, match="no LoadAnnotations"):
        tool["build_dataset"](config, "val")
    config.val_dataloader = None
    with pytest.raises(ValueError, match="or no val_dataloader"):
        tool["build_dataset"](config, "train")


def test_the_picture_shows_the_image_that_was_loaded(tool: dict[str, Any], tmp_path: Path) -> None:
    image = np.random.RandomState(0).randint(0, 256, (40, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "image.png"), image)  # as BGR, as mmdet loads it
    loaded = torch.from_numpy(cv2.imread(str(tmp_path / "image.png"))).permute(2, 0, 1)
    model = distiller()
    batch = model.data_preprocessor(dict(inputs=[loaded], data_samples=None), True)
    shown = tool["pixels"](model, batch["inputs"][0], (40, 64))
    assert np.array_equal(shown, image[..., ::-1])
