"""Runs whose images are on the device."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import equal, separate_runs  # noqa: F401
from tool_runs import ROOT

# isort: split
from mmengine.config import Config
from mmengine.registry import DATASETS
from torch.utils.data import DataLoader

from mmkd.engine.launch import build_runner
from mmkd.loading import build_loader
from mmkd.loading.batch_transforms import TransformError
from mmkd.loading.device_loader import DeviceLoader
from mmkd.networks.building import build_network, network_config
from mmkd.randomness import Position, load_by_position
from mmkd.registry import MODELS
from mmkd.store import StoreError
from mmkd.store.building import StoreBuilder

CROP = dict(type="RandomCrop", crop_size=8, padding=1)
FLIP = dict(type="RandomFlip", prob=0.5, direction="horizontal")
PACK = dict(type="PackInputs")


def data(*pipeline: Any, **settings: Any) -> dict[str, Any]:
    transforms = [{**each, "_scope_": "mmpretrain"} for each in pipeline]
    return dict(type="mmkd.Digits", split="train", pipeline=transforms, **settings)


def config_of(*pipeline: Any, **settings: Any) -> dict[str, Any]:
    return dict(
        type="mmkd.DeviceLoader",
        batch_size=16,
        num_workers=2,
        persistent_workers=True,
        sampler=dict(type="DefaultSampler", shuffle=True),
        dataset=data(*(pipeline or (CROP, FLIP, PACK)), **settings),
    )


def plain(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "type": None, "num_workers": 0, "persistent_workers": False}


def test_without_random_transforms_the_batches_are_those_of_torchs_loader() -> None:
    given = config_of(PACK, indices=50)
    ours = build_loader(given, seed=3)
    torchs = plain(given)
    del torchs["type"]
    theirs = build_loader(torchs, seed=3)
    assert isinstance(ours, DeviceLoader)
    assert ours.num_workers == 0
    assert len(ours) == len(theirs) == 4
    preprocess = MODELS.build(
        dict(type="mmpretrain.ClsDataPreprocessor", mean=[4.9], std=[6.0], num_classes=10)
    )
    for one, other in zip(ours, theirs, strict=True):
        assert one["inputs"].dtype == torch.uint8
        one, other = preprocess(one, True), preprocess(other, True)
        assert torch.equal(one["inputs"], other["inputs"])
        for mine, their in zip(one["data_samples"], other["data_samples"], strict=True):
            assert mine.gt_label.tolist() == their.gt_label.tolist()
            assert mine.sample_idx == their.sample_idx
            assert (mine.img_shape, mine.ori_shape) == ((8, 8), (8, 8))
    assert ours.dataset.metainfo["classes"] == theirs.dataset.metainfo["classes"]


def test_a_batch_is_a_function_of_the_positions() -> None:
    """A sample does not depend on the others, and each view is another one."""
    loader = build_loader(config_of(), seed=0)
    load_by_position(loader, seed=7, data_seed=9)
    load: Any = loader.dataset.__getitems__
    batch = load([Position(5, 0), Position(6, 0), Position(5, 1), Position(5, 0, 1)])
    assert torch.equal(load.load(Position(5, 0))["inputs"], batch["inputs"][0])
    assert torch.equal(load([Position(6, 0)])["inputs"][0], batch["inputs"][1])
    views = [load.load(Position(5, view))["inputs"].numpy().tobytes() for view in range(40)]
    assert 10 < len({*views}) <= 18  # 9 places, flipped or not
    assert batch["data_samples"][2].position == (5, 1, 0)


def test_normalised_images_are_those_of_a_float_reference() -> None:
    """Crop, flip and normalisation, each by itself on one image, in float64."""
    loader = build_loader(config_of(), seed=0)
    images: Any = loader.dataset
    seeds = [*range(40)]
    batch = images.load_batch([*range(40)], seeds)
    preprocess = MODELS.build(
        dict(type="mmpretrain.ClsDataPreprocessor", mean=[4.9], std=[6.0], num_classes=10)
    )
    found = preprocess(batch, True)["inputs"]
    from mmkd.loading.device_images import uniform

    for index, (down, right, flip) in enumerate(uniform(seeds, 3)):
        image = np.pad(images.dataset.get_data_info(index)["img"].astype(float), 1)
        image = image[int(down * 3) :][:8, int(right * 3) :][:, :8]
        image = image[:, ::-1] if flip < 0.5 else image
        expected = torch.from_numpy((image - 4.9) / 6.0)
        torch.testing.assert_close(found[index, 0].double(), expected, rtol=1e-6, atol=1e-6)


@DATASETS.register_module(force=True)
class Sizes(DATASETS.get("mmkd.Digits")):  # type: ignore[misc]
    """Digits of which the last one is wider."""

    def get_data_info(self, idx: int) -> Any:
        info = super().get_data_info(idx)
        return info | dict(img=np.zeros((8, 9), np.uint8)) if idx == len(self) - 1 else info


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            dict(dataset=data(dict(type="RandomResizedCrop", scale=8), PACK)),
            "no RandomResizedCrop:",
        ),
        (dict(dataset=data(CROP, dict(type="Resize", scale=8), PACK)), "no Resize after a random"),
        (dict(dataset=data(CROP)), "does not end with PackInputs"),
        (dict(dataset=dict(data(PACK), type="Sizes", indices=5)), "of shape \\(8, 9, 1\\)"),
        (dict(type="mmkd.DeviseLoader"), "Did you mean 'DeviceLoader'"),
        (
            dict(dataset=dict(type="RepeatDataset", times=2, dataset=data(PACK))),
            "RepeatDataset has no pipeline of its own",
        ),
    ],
)
def test_what_it_cannot_do_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    with pytest.raises((TransformError, KeyError), match=words):
        build_loader(config_of() | change, seed=0)


def settings(folder: Path, epochs: int, name: str = "student_digits", **changes: Any) -> Config:
    config = Config.fromfile(ROOT / f"configs/quickstart/{name}.py")
    config.work_dir = str(folder)
    config.param_scheduler = None  # it would end with an interrupted run
    config.train_cfg.max_epochs = epochs
    config.train_dataloader.type = "mmkd.DeviceLoader"
    config.train_dataloader.dataset.indices = 200
    config.val_cfg = config.val_dataloader = config.val_evaluator = None
    config.randomness = dict(seed=1)
    config.merge_from_dict(changes)
    return config


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(tmp_path: Path) -> None:
    whole = build_runner(settings(tmp_path / "whole", 3))
    whole.train()
    build_runner(settings(tmp_path / "parts", 1)).train()
    resumed = build_runner(settings(tmp_path / "parts", 3, resume=True))
    resumed.train()
    assert isinstance(resumed.train_dataloader, DeviceLoader)
    assert equal(whole.model.state_dict(), resumed.model.state_dict())


@pytest.mark.slow
def test_a_store_is_of_one_loader(tmp_path: Path) -> None:
    """A run on it ends as one with the teacher; the images of torch's loader are others."""
    teacher = build_network(network_config("mmkd::quickstart/teacher_digits.py"))
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / "teacher.pth")
    changes = {"model.teacher.checkpoint": str(tmp_path / "teacher.pth")}
    online = build_runner(settings(tmp_path / "online", 1, "erkd_digits", **changes))
    online.train()
    config = settings(tmp_path / "build", 1, "erkd_digits", **changes)
    StoreBuilder(config, tmp_path / "store").build()
    changes["model.store"] = dict(path=str(tmp_path / "store"))
    stored = build_runner(settings(tmp_path / "stored", 1, "erkd_digits", **changes))
    stored.train()
    assert equal(online.model.student.state_dict(), stored.model.student.state_dict())
    config = settings(tmp_path / "torchs", 1, "erkd_digits", **changes)
    del config.train_dataloader.type
    with pytest.raises(StoreError, match="other pixels of the same samples"):
        build_runner(config).train()


def test_a_plain_config_gives_torchs_loader() -> None:
    given = plain(config_of())
    del given["type"]
    assert type(build_loader(given, seed=0)) is DataLoader
