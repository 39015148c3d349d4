"""A run for fault tests, as a process: ``faulty.py FOLDER LOOP [RESUME] [FAULT ...]``.

LOOP is ``epoch`` or ``iteration``. Faults: ``hang=RANK``, ``die=RANK`` and ``nan=RANK`` (in the
third iteration that process sleeps, ends, or reads images that are not finite), ``slow=SECONDS``
(each iteration takes longer), ``slow_save=SECONDS`` (each file's bytes take longer to be written).
"""

import os
import sys
import time
from pathlib import Path

from runs import checkpoints, config, distiller, loader
from tiny import KD, classifier

# isort: split
import yapf.yapflib.yapf_api as yapf_api
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmkd.compat import files
from mmkd.engine import leave_processes, prepare_processes
from mmkd.engine.launch import build_runner

ITERATIONS, EPOCHS = 8, 4


@HOOKS.register_module()
class FaultHook(Hook):
    """Says that training has begun, and hangs, dies, spoils images or is slow as told."""

    def __init__(self, hang: int = -1, die: int = -1, nan: int = -1, slow: float = 0.0) -> None:
        self.hang, self.die, self.nan, self.slow = hang, die, nan, slow

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 2 and get_rank() == self.nan:
            for image in data_batch["inputs"]:
                image.fill_(float("nan"))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if get_rank() == 0:
            Path(runner.work_dir, "progress").write_text(str(runner.iter + 1))
        time.sleep(self.slow)
        if runner.iter == 2 and get_rank() == self.hang:
            time.sleep(1000)
        if runner.iter == 2 and get_rank() == self.die:
            os._exit(9)


def settings(folder: Path, by_epoch: bool, faults: dict[str, str]) -> dict:
    every = dict(interval=1) if by_epoch else dict(interval=4, by_epoch=False)
    fields = checkpoints(max_keep_ckpts=1, **every)
    loop = dict(by_epoch=True, max_epochs=EPOCHS)
    if not by_epoch:
        loop = dict(by_epoch=False, max_iters=ITERATIONS, val_interval=100)
    ranks = {fault: int(faults.get(fault, -1)) for fault in ("hang", "die", "nan")}
    hook = dict(type="FaultHook", slow=float(faults.get("slow", 0)), **ranks)
    fields["custom_hooks"].append(hook)
    if "hang" in faults:
        fields["default_hooks"]["hang"] = dict(type="mmkd.HangGuardHook", timeout=10, answer=3)
    launched = "RANK" in os.environ
    return dict(
        model=distiller(student=classifier(), terms=KD),
        train_cfg=loop,
        train_dataloader=loader(4, shuffle=True, endless=not by_epoch, size=8),
        launcher="pytorch" if launched else "none",
        log_level="INFO",
        **fields,
    )


def skip_formatting() -> None:
    """Leave out most of the time of so small a run: MMEngine formats its config for each file."""
    yapf_api.FormatCode = lambda text, **_: (text, True)


def main(arguments: list[str]) -> None:
    folder, loop, *rest = arguments
    skip_formatting()
    faults = dict(fault.split("=") for fault in rest if "=" in fault)
    if "slow_save" in faults:
        flush = os.fsync

        def slowly(handle: int) -> None:
            Path(folder, "saving").touch()
            time.sleep(float(faults["slow_save"]))
            flush(handle)

        files.os.fsync = slowly
    fields = settings(Path(folder), loop == "epoch", faults)
    fields |= dict(resume="resume" in rest, experiment_name="faulty")
    cfg = config(Path(folder), **fields)
    prepare_processes(cfg)
    build_runner(cfg).train()
    leave_processes()


if __name__ == "__main__":
    main(sys.argv[1:])
