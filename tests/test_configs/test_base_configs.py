"""The base configs build, and train on data in the real formats."""

from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import mmpretrain
import pytest
import torch
import yaml
from make_cifar100 import write_cifar100
from mmengine.config import Config
from mmengine.optim import MultiStepLR
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

from mmkd.models.keys import classifier_keys

BASE = Path(__file__).parents[2] / "configs/_base_"
CIFAR_MODELS = sorted(path.stem for path in (BASE / "models/cifar").glob("*.py"))
# Our base model, and the config whose published weights it begins with.
TRANSFORMERS = {
    "deit_base_384": "deit/deit-base-distilled_16xb32_in1k-384px.py",
    "vit_large_384": "vision_transformer/vit-large-p16_64xb64_in1k-384px.py",
    "swin_large_384": "swin_transformer/swin-large_16xb64_in1k-384px.py",
}


@pytest.mark.parametrize("scope", ["mmpretrain", "mmkd"])
@pytest.mark.parametrize("name", CIFAR_MODELS)
def test_models_build_in_every_scope(name: str, scope: str) -> None:
    config = Config.fromfile(BASE / f"models/cifar/{name}.py").model
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(config)
    assert type(model).__name__ == "ImageClassifier"
    assert type(model.backbone).__module__.startswith("mmkd.models")
    assert model.head.num_classes == 100


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers_are_those_of_the_published_weights(name: str) -> None:
    config = Config.fromfile(BASE / f"models/transformers/{name}.py")
    ours, theirs = config.model, Config.fromfile(f"mmpretrain::{TRANSFORMERS[name]}").model
    pretrained = ours.backbone.pop("init_cfg")
    assert pretrained == dict(type="Pretrained", checkpoint=config.weights, prefix="backbone")
    theirs.backbone.pop("init_cfg", None)
    assert ours.backbone == theirs.backbone
    assert ours.neck == theirs.neck
    for field in ("type", "in_channels", "num_classes"):
        assert ours.head[field] == theirs.head[field]
    folder, _, file = TRANSFORMERS[name].partition("/")
    [index] = Path(mmpretrain.__file__).parent.glob(f".mim/configs/{folder}/metafile.yml")
    [entry] = [m for m in yaml.safe_load(index.read_text())["Models"] if m["Config"].endswith(file)]
    # The two families name the same files, each at its own host.
    assert Path(entry["Weights"]).name == Path(config.weights).name


def test_mobilenet_v1_has_mdistillers_keys() -> None:
    model = MODELS.build(Config.fromfile(BASE / "models/imagenet/mobilenet_v1.py").model)
    assert sum(p.numel() for p in model.parameters()) == 4_231_976, "4.2 million in the paper"
    # A block's convolutions and batch norms; 2 and 5 are its ReLUs.
    layers = {f"{block}.{layer}" for block in range(1, 14) for layer in (0, 1, 3, 4)}
    published = {f"model.{layer}.weight" for layer in {"0.0", "0.1"} | layers}
    published |= {"fc.weight", "fc.bias"}
    entries = {k: v for k, v in model.state_dict().items() if k.endswith("weight") or "fc" in k}
    assert classifier_keys(dict.fromkeys(published, 0)).keys() == entries.keys()


def test_milestones_are_the_literatures() -> None:
    """Epochs 1 to 150 run at the full rate, 151 to 180 at a tenth, and so on."""
    schedule = Config.fromfile(BASE / "schedules/cifar_240e.py")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=schedule.optim_wrapper.optimizer.lr)
    options = dict(schedule.param_scheduler)
    assert options.pop("type") == "MultiStepLR"
    scheduler = MultiStepLR(optimizer, **options)
    rates = []
    for _ in range(schedule.train_cfg.max_epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.05] * 150 + [0.005] * 30 + [5e-4] * 30 + [5e-5] * 30)
    mobile = Config.fromfile(BASE / "schedules/cifar_240e_mobile.py")
    assert mobile.optim_wrapper.optimizer.lr == 0.01
    assert mobile.optim_wrapper.optimizer.weight_decay == 5e-4


def merged(work_dir: Path, *parts: str) -> Config:
    """A config over the given base files, one epoch long and in one process."""
    bases = [str(BASE / f"{part}.py") for part in (*parts, "default_runtime")]
    path = work_dir / "config.py"
    path.write_text(f"_base_ = {bases!r}\n")
    config = Config.fromfile(path)
    config.work_dir = str(work_dir)
    config.train_cfg.max_epochs = 1
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.num_workers = 0
        loader.persistent_workers = False
    return config


def run(config: Config) -> dict[str, Any]:
    runner = Runner.from_cfg(config)
    runner.train()
    metrics: dict[str, Any] = runner.val_loop.run()
    return metrics


def test_cifar100_trains(tmp_path: Path) -> None:
    config = merged(tmp_path, "models/cifar/resnet8", "datasets/cifar100", "schedules/cifar_240e")
    root = str(write_cifar100(tmp_path / "cifar100"))
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.dataset.type = "GeneratedCIFAR100"
        loader.dataset.data_root = root
    metrics = run(config)
    assert {"accuracy/top1", "accuracy/top5", "calibration/ece"} <= set(metrics)
    assert list(tmp_path.glob("best_accuracy_top1_epoch_1.pth"))


@pytest.mark.parametrize("dataset", ["digits", "fashion_mnist"])
def test_grey_data_trains(tmp_path: Path, dataset: str) -> None:
    config = merged(tmp_path, "models/cifar/resnet8", f"datasets/{dataset}", "schedules/cifar_240e")
    config.model.backbone.update(in_channels=1, widths=(4, 4, 8, 8))
    config.model.head.update(in_channels=8, num_classes=10)
    if dataset == "fashion_mnist":
        if not Path("/usr/share/datasets/fashion-mnist").is_dir():
            pytest.skip("Debian's package dataset-fashion-mnist is not installed")
        config.train_dataloader.dataset.subset = 640
        config.val_dataloader.dataset.subset = 100
    metrics = run(config)
    assert metrics["accuracy/top1"] > 10, "one epoch does better than chance"
    assert 0 <= metrics["calibration/ece"] <= 1
