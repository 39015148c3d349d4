"""Memory, files and disk that a run of 100 epochs takes at half its time and at its end."""

import json
import os
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from runs import config, validation
from test_faults import faulty

from mmkd.engine.launch import build_runner
from mmkd.hooks import keep_checkpoints_hook

EPOCHS, LOGGED = 100, 40
LOOP = dict(by_epoch=True, max_epochs=EPOCHS, val_interval=1)


@HOOKS.register_module()
class UseHook(Hook):
    """Notes after each epoch what this process holds, and the sizes of its files."""

    def after_val_epoch(self, runner, metrics=None) -> None:
        process, folder = psutil.Process(), Path(runner.work_dir)
        use = dict(
            memory=process.memory_info().rss,
            files=process.num_fds(),
            threads=process.num_threads(),
            checkpoints=len(list(folder.glob("epoch_*.pth"))),
            checkpoint=max(path.stat().st_size for path in folder.glob("epoch_*.pth")),
        )
        with open(folder / "use", "a") as file:
            file.write(json.dumps(use) + "\n")


def train(folder: Path) -> None:
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    fields = faulty.settings(folder, True, {}) | validation()
    fields["custom_hooks"].append(dict(type="UseHook", priority="LOWEST"))
    faulty.skip_formatting()
    keep_checkpoints_hook.LOGGED = LOGGED  # so that 100 epochs reach the bound of the logs
    build_runner(config(folder, **{**fields, "train_cfg": LOOP, "log_level": "ERROR"})).train()


@pytest.mark.slow
def test_the_second_half_takes_no_more_than_the_first(tmp_path: Path) -> None:
    process = get_context("fork").Process(target=train, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 0, (tmp_path / "output").read_text()[-3000:]
    uses = [json.loads(line) for line in (tmp_path / "use").read_text().splitlines()]
    assert len(uses) == EPOCHS
    half, end = uses[EPOCHS // 2 - 1], uses[-1]
    for same in ("files", "threads", "checkpoints"):
        assert end[same] == half[same]
    assert end["checkpoint"] <= half["checkpoint"] + 64  # numbers of more digits
    assert end["memory"] <= half["memory"] + 2 * 2**20
