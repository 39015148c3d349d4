"""Weights that ship with mmkd: what their metafile says of them holds."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner import load_checkpoint
from torch import nn

from mmkd.compat.weight_sources import SHIPPED, local_copy
from mmkd.composition.teachers import parse_teacher
from mmkd.engine.weight_files import missing_weights
from mmkd.loading import build_loader
from mmkd.networks.building import build_network, network_config

ROOT = Path(__file__).parents[2]
METAFILE = ROOT / "configs/quickstart/metafile.yml"
ENTRIES: list[dict[str, Any]] = yaml.safe_load(METAFILE.read_text())["Models"]
BY_ENTRY = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["Name"])


def loaded(entry: dict[str, Any]) -> nn.Module:
    network = build_network(network_config(str(ROOT / entry["Config"])))
    load_checkpoint(network, entry["Weights"], strict=True)
    return network


def test_each_file_has_an_entry_and_is_small() -> None:
    files = sorted((ROOT / "weights").iterdir())
    assert sorted(SHIPPED + file.name for file in files) == sorted(e["Weights"] for e in ENTRIES)
    assert all(file.stat().st_size < 1e6 for file in files)


@BY_ENTRY
def test_the_file_is_the_one_that_the_metafile_means(entry: dict[str, Any]) -> None:
    file = ROOT / "weights" / entry["Weights"].removeprefix(SHIPPED)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert digest == entry["Metadata"]["SHA256"]
    assert file.stem.endswith(f"-{digest[:8]}")
    assert (ROOT / entry["Metadata"]["Training Config"]).is_file()


@BY_ENTRY
def test_the_weights_have_the_stated_accuracy(entry: dict[str, Any]) -> None:
    network: Any = loaded(entry).eval()
    loader = build_loader(Config.fromfile(ROOT / entry["Config"]).test_dataloader, seed=0)
    right = count = 0
    for batch in loader:
        for sample in network.test_step(batch):
            right += int(sample.pred_label.item() == sample.gt_label.item())
            count += 1
    [result] = entry["Results"]
    assert (count, 100 * right / count) == (500, result["Metrics"]["Top 1 Accuracy"])
    assert sum(p.numel() for p in network.parameters()) == entry["Metadata"]["Parameters"]


def test_a_config_name_is_enough_for_a_trained_teacher() -> None:
    address = get_config("mmkd::quickstart/teacher_digits.py", pretrained=True).model_path
    assert address == ENTRIES[0]["Weights"]
    assert parse_teacher(["mmkd::quickstart/teacher_digits.py"]).checkpoint == address


def test_an_address_on_the_web_finds_the_shipped_file() -> None:
    name = ENTRIES[0]["Weights"].removeprefix(SHIPPED)
    found = local_copy(f"https://127.0.0.1:9/v1/{name}")
    assert found is not None
    assert found.samefile(ROOT / "weights" / name)


def test_a_copy_of_ones_own_comes_before_the_shipped_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ENTRIES[1]["Weights"].removeprefix(SHIPPED)
    monkeypatch.setenv("MMKD_WEIGHTS", str(tmp_path))
    shutil.copy(ROOT / "weights" / name, tmp_path)
    assert local_copy(ENTRIES[1]["Weights"]) == tmp_path / name


def test_weights_that_do_not_ship_are_told_before_a_run_and_when_they_are_read() -> None:
    missing = f"{SHIPPED}none.pth"
    config = Config(dict(model=dict(type="ResNet"), load_from=missing))
    [said] = missing_weights(config, trains=False)
    assert said == f"The load_from is missing: mmkd ships no {missing}."
    with pytest.raises(FileNotFoundError, match=r"ships no .*none\.pth.*digits_teacher-"):
        load_checkpoint(nn.Linear(1, 1), missing)
    config.load_from = ENTRIES[0]["Weights"]
    assert [*missing_weights(config, trains=False)] == []
    assert torch.isfinite(next(loaded(ENTRIES[0]).parameters())).all()
