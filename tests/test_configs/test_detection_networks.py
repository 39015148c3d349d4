"""Origin of the networks in the configs for MS-COCO."""

from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import yaml
from config_files import PAIRS, ROOT, base
from mmengine.config import Config
from mmengine.hub import get_config

from mmkd.registry import MODELS

mmdet = pytest.importorskip("mmdet")


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """The models of all pairs. Those of the long schedule are the others' too."""
    names = [name for name in PAIRS if name.endswith("_coco") and "180k" not in name]
    return {name: base("pairs", name).model for name in names}


def released() -> dict[str, Any]:
    """Addresses of weights in mmdet's model index, by name of the config."""
    found: dict[str, Any] = {}
    for path in (Path(mmdet.__file__).parent / ".mim/configs").glob("*/metafile.yml"):
        index = yaml.safe_load(path.read_text())
        for entry in index["Models"] if isinstance(index, dict) else index:
            found[entry["Config"].removeprefix("configs/")] = entry.get("Weights")
    return found


def test_teachers_and_their_weights_are_those_of_mmdets_index(models: dict[str, Any]) -> None:
    weights = released()
    assert models
    for name, model in models.items():
        teacher = model.teacher
        assert teacher.checkpoint == weights[teacher.model.removeprefix("mmdet::")], name


def test_students_begin_with_a_backbone_of_imagenet(models: dict[str, Any]) -> None:
    for file in sorted({model.student for model in models.values()}):
        own = file.removeprefix("mmkd::")
        model = get_config(file).model if own == file else Config.fromfile(ROOT / own).model
        if model.type != "YOLOX":  # its recipe begins from nothing
            assert model.backbone.init_cfg.type == "Pretrained", file


def test_the_mobile_students_normalisation_is_fixed_and_no_stage_is() -> None:
    """The released detection configs say FrozenBN and FREEZE_AT 0."""
    model = Config.fromfile(ROOT / "_base_/models/coco/fasterrcnn_mv2.py").model
    backbone = MODELS.build({**model.backbone, "_scope_": "mmdet", "init_cfg": None})
    backbone.train()  # which returns nothing
    for name, part in backbone.named_modules():
        weights = [*part.parameters(recurse=False)]
        fixed = type(part).__name__ == "BatchNorm2d"
        assert all(weight.requires_grad != fixed for weight in weights), name
        assert not (fixed and part.training), name
