"""Every config of a classifier trains two iterations and validates one batch.

The data are generated in the real files' format; digits are the real ones. Detectors have their own
tests beside this file.
"""

from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import make_cifar100
import pytest
from config_files import ALL, CLASSIFICATION, ROOT
from make_fashion_mnist import write_fashion_mnist
from mmengine.config import Config
from mmengine.runner import Runner

BATCH = 4


def write_data(dataset: str, root: Path) -> dict:
    """Write a small data set in the format that `dataset` reads; return its arguments."""
    if dataset == "CIFAR100":
        make_cifar100.write_cifar100(root, train=2 * BATCH, test=BATCH)
        return dict(type="GeneratedCIFAR100", data_root=str(root))
    if dataset == "mmkd.FashionMNIST":
        return dict(data_root=str(write_fashion_mnist(root, seed=0)), subset=None)
    assert dataset == "mmkd.Digits", f"write data for {dataset} here"
    return {}


def shortened(path: Path, work_dir: Path) -> Config:
    """The config on small data, one epoch of two iterations, with a random teacher."""
    config = Config.fromfile(path)
    config.work_dir = str(work_dir)
    config.train_cfg.max_epochs = 1
    data = write_data(config.train_dataloader.dataset.type, work_dir / "data")
    for loader, size in ((config.train_dataloader, 2 * BATCH), (config.val_dataloader, BATCH)):
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
        loader.dataset.update(data, indices=size)
    config.test_dataloader = config.val_dataloader
    if "teacher" in config.model:
        config.model.teacher.checkpoint = None
    return config


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_it_trains_and_validates(name: str, tmp_path: Path) -> None:
    runner = Runner.from_cfg(shortened(ROOT / name, tmp_path))
    runner.train()
    assert runner.iter == 2
    scalars = {key for key in runner.message_hub.log_scalars if key.startswith(("train", "val"))}
    assert {"train/loss", "val/accuracy/top1", "val/calibration/ece"} <= scalars
    if type(runner.model).__name__ == "Distiller":
        assert "train/loss_kd" in scalars
        assert list(tmp_path.glob("epoch_1_student.pth"))


@pytest.mark.parametrize("name", ALL)
def test_it_is_short(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert sum(bool(line.strip()) and not line.startswith("#") for line in lines) <= 20, (
        "a config states what differs from its bases"
    )
