"""Settings that follow from the command line."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmkd.engine.launch import complete_loaders, read_config


def completed(loader: dict[str, Any], scope: str = "mmpretrain", **flags: bool) -> dict[str, Any]:
    config = Config(dict(default_scope=scope, train_dataloader=loader, val_dataloader=None))
    complete_loaders(config, **flags)
    assert config.val_dataloader is None
    return dict(config.train_dataloader)


def test_classifiers_batches_are_stacked_and_detectors_are_not() -> None:
    assert completed(dict(num_workers=1))["collate_fn"] == dict(type="default_collate")
    assert "collate_fn" not in completed(dict(num_workers=1), scope="mmdet")


def test_the_config_comes_before_the_defaults() -> None:
    given = dict(num_workers=1, collate_fn=dict(type="own"), persistent_workers=False)
    assert completed(given).items() >= given.items()


def test_workers_persist_only_where_there_are_workers() -> None:
    assert completed(dict(num_workers=1))["persistent_workers"]
    assert not completed(dict(num_workers=0, persistent_workers=True))["persistent_workers"]
    assert not completed(dict(num_workers=1), persist=False)["persistent_workers"]


def test_flags_come_before_the_config() -> None:
    assert not completed(dict(num_workers=1, pin_memory=True), pin=False)["pin_memory"]


@pytest.mark.parametrize(
    ("given", "in_config", "expected"),
    [
        (None, "", "work_dirs/some"),
        (None, "work_dir = 'own'", "own"),
        ("x", "work_dir = 'own'", "x"),
    ],
)
def test_work_folder(tmp_path: Path, given: str | None, in_config: str, expected: str) -> None:
    (tmp_path / "some.py").write_text(f"a = 1\n{in_config}\n")
    arguments = Namespace(
        config=str(tmp_path / "some.py"),
        cfg_options=dict(a=2),
        launcher="none",
        work_dir=given,
        local_rank=0,
    )
    config = read_config(arguments)
    assert config.work_dir == expected
    assert config.a == 2
