"""Base configs of recipes with two views of each image."""

from collections.abc import Iterator
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import make_cifar100
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from small_folders import write_tiny_imagenet

from mmkd.teachers.renormalize import Normalization

BASE = Path(__file__).parents[2] / "configs/_base_"
NAMES = ["cifar100_two_views", "tiny_imagenet_two_views"]


def pipelines(name: str) -> list[Compose]:
    """The pipelines of the weak and of the strong view, after loading."""
    config = Config.fromfile(BASE / f"datasets/{name}.py")
    steps = config.train_dataloader.dataset.pipeline
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        [multi_view] = [t for t in Compose(steps).transforms if type(t).__name__ == "MultiView"]
    return multi_view.pipelines


@pytest.fixture
def seeded() -> Iterator[None]:
    state = np.random.get_state()
    np.random.seed(0)
    yield
    np.random.set_state(state)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("name", NAMES)
def test_the_strong_view_is_stronger(name: str) -> None:
    """A flat image stays flat in the weak view, but for black borders; not so in the strong."""
    side = 32 if name.startswith("cifar") else 64
    weak, strong = pipelines(name)
    changed = {"weak": 0, "strong": 0}
    for view, pipeline in (("weak", weak), ("strong", strong)):
        for _ in range(100):
            image = np.full((side, side, 3), (200, 100, 50), np.uint8)
            image = pipeline(dict(img=image))["img"]
            assert image.shape == (side, side, 3)
            assert image.dtype == np.uint8
            colours = {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}
            changed[view] += bool(colours - {(200, 100, 50), (0, 0, 0)})
    assert changed["weak"] == 0
    assert changed["strong"] > 90


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("name", NAMES)
def test_colours_keep_their_order(name: str) -> None:
    """In the channel order of the data set, the cutout is (125, 123, 114) in R G B."""
    config = Config.fromfile(BASE / f"datasets/{name}.py")
    side = 32 if name.startswith("cifar") else 64
    grey = (114, 123, 125) if config.data_preprocessor.to_rgb else (125, 123, 114)
    [_, strong] = pipelines(name)
    filled, widest = 0, 0
    for _ in range(60):
        image = strong(dict(img=np.zeros((side, side, 3), np.uint8)))["img"]
        cut = (image == grey).all(-1)
        filled += cut.any()
        widest = max(widest, int(cut.any(0).sum()))
    assert filled > 50
    assert side // 4 < widest <= side // 2


def test_the_strength_of_each_change_is_a_draw_from_its_range() -> None:
    """The released code gives factors, degrees, shares of the side and bits."""
    [_, strong] = pipelines("cifar100_two_views")
    [augment] = [t for t in strong.transforms if type(t).__name__ == "RandAugment"]
    assert len(augment.transforms) == 14
    assert augment.num_policies == 2
    assert all(transform.prob == 1 for transform in augment.transforms)
    state = np.random.get_state()
    np.random.seed(0)
    ranges = {}
    for transform in augment.transforms:
        if transform.magnitude_range is not None:
            drawn = [transform.random_negative(transform.random_magnitude()) for _ in range(500)]
            key = type(transform).__name__, getattr(transform, "direction", "")
            ranges[key] = (min(drawn), max(drawn))
    np.random.set_state(state)
    expected = {
        **{(name, ""): (-0.95, -0.05) for name in ("Brightness", "ColorTransform", "Contrast")},
        ("Sharpness", ""): (-0.95, -0.05),
        ("Posterize", ""): (3, 7),
        ("Solarize", ""): (0, 256),
        ("Rotate", ""): (-30, 30),
        **{(n, d): (-0.3, 0.3) for n in ("Shear", "Translate") for d in ("horizontal", "vertical")},
    }
    assert ranges.keys() == expected.keys()
    for key, (low, high) in expected.items():
        assert ranges[key] == pytest.approx((low, high), abs=0.02 * (high - low)), key


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_trains_on_both_and_validates_on_one(name: str, tmp_path: Path) -> None:
    bases = ["models/cifar/resnet8", f"datasets/{name}", "schedules/cifar_480e", "default_runtime"]
    path = tmp_path / "config.py"
    path.write_text(f"_base_ = {[str(BASE / f'{base}.py') for base in bases]!r}\n")
    config = Config.fromfile(path)
    config.work_dir = str(tmp_path)
    config.train_cfg.max_epochs = 1
    if name.startswith("cifar"):
        root = make_cifar100.write_cifar100(tmp_path / "data", train=8, test=4)
    else:
        root = write_tiny_imagenet(tmp_path / "data", classes=200, train=1, val=4)
        config.model.head.num_classes = 200
    for loader in (config.train_dataloader, config.val_dataloader):
        loader.update(batch_size=4, num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=str(root), indices=8)
        if name.startswith("cifar"):
            loader.dataset.type = "GeneratedCIFAR100"
    config.test_dataloader = config.val_dataloader
    runner = Runner.from_cfg(config)
    seen = {True: [], False: []}
    runner.model.backbone.register_forward_pre_hook(
        lambda module, given: seen[module.training].append(len(given[0]))
    )
    runner.train()
    assert seen == {True: [8, 8], False: [4]}
    preprocessing = Normalization.of(runner.model)
    assert preprocessing is not None
    assert preprocessing.flips_channels == (not name.startswith("cifar"))


def test_480_epochs_keep_the_milestones() -> None:
    """The released code has these numbers, see configs/_base_/schedules/cifar_480e.py."""
    schedule = Config.fromfile(BASE / "schedules/cifar_480e.py")
    assert schedule.train_cfg.max_epochs == 480
    assert schedule.optim_wrapper.optimizer.lr == 0.025
    assert schedule.optim_wrapper.optimizer.weight_decay == 5e-4
    assert schedule.param_scheduler.milestones == [150, 180, 210]
