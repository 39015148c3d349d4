"""Configs in the tree, by the task that their dataset sets, and those without a file.

Names end with the dataset.
"""

import json
from functools import cache
from pathlib import Path

from mmengine.config import Config

from mmkd.composition import compose

ROOT = Path(__file__).parents[1] / "configs"
ALL = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("*/*.py") if p.parts[-2] != "_base_")
DETECTION = [name for name in ALL if name.endswith(("_coco.py", "_scenes.py", "_bccd.py"))]
CLASSIFICATION = [name for name in ALL if name not in DETECTION]
PAIRS = sorted(path.stem for path in (ROOT / "_base_/pairs").glob("*.py"))
METHODS = sorted(path.stem for path in (ROOT / "_base_/methods").glob("*.py"))
# Configs that have no file: their settings, in short, by method and pair.
PINNED: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "data/composed_configs.json").read_text()
)
# Of RepDistiller's table.
SEVEN = (
    "resnet32x4_resnet8x4",
    "vgg13_vgg8",
    "wrn_40_2_wrn_16_2",
    "wrn_40_2_wrn_40_1",
    "resnet32x4_ShuffleV2",
    "ResNet50_MobileNetV2",
    "vgg13_MobileNetV2",
)


@cache
def base(folder: str, name: str) -> Config:
    return Config.fromfile(ROOT / "_base_" / folder / f"{name}.py")


def kind_of(pair: str) -> str:
    """The kind of the networks of a pair, as files of methods call it."""
    if not pair.endswith("_coco"):
        return "classifier"
    return "roi" if pair.startswith("fasterrcnn") else "dense"


def composed(pair: str, *methods: str) -> Config:
    """The config of a pair and methods, as `tools/train.py PAIR --method METHODS` composes it."""
    return compose(str(ROOT / "_base_/pairs" / f"{pair}.py"), [], methods)
