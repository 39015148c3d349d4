"""Measure the cost of SafeRunner's guards in a training step: with and without them, in turns.

Processor time is compared, not wall-clock time, so that other programs do not count.

Example:
  python tools/benchmarks/guard_cost.py --rounds 12 --steps 10
"""

import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from statistics import median

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config

from mmkd.engine import SafeRunner
from mmkd.engine.runner import GUARDS


def prepared(config: str, folder: str, guarded: bool) -> SafeRunner:
    """Build a runner as training does, up to its first iteration."""
    settings = Config.fromfile(config)
    settings.work_dir, settings.log_level = folder, "ERROR"
    settings.experiment_name = f"guarded_{guarded}"
    settings.custom_hooks, settings.param_scheduler = [], None
    settings.default_hooks.checkpoint = None
    if "teacher" in settings.model:
        settings.model.teacher.checkpoint = None
    if not guarded:
        settings.default_hooks.update(dict.fromkeys(GUARDS))
    runner = SafeRunner.from_cfg(settings)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.call_hook("before_run")
    runner.model.train()
    runner.call_hook("before_train")
    runner.call_hook("before_train_epoch")
    return runner


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="mmkd::quickstart/kd_digits.py")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=20, help="steps in a row of each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runners = {g: prepared(arguments.config, folder, g) for g in (True, False)}
        batches = list(runners[True].train_dataloader)
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(arguments.rounds + 1):
            for guarded, runner in runners.items():
                begun = time.process_time()
                for step in range(arguments.steps):
                    runner.train_loop.run_iter(step, batches[step % len(batches)])
                seconds[guarded].append((time.process_time() - begun) / arguments.steps)
    # The first round warms up. Both halves of a round run on the machine in the same state.
    pairs = list(zip(seconds[True][1:], seconds[False][1:], strict=True))
    print(
        f"step without guards: {1e3 * median(plain for _, plain in pairs):.2f} ms of processor time"
    )
    print(
        f"with guards: x {median(guarded / plain for guarded, plain in pairs):.4f} (median ratio)"
    )


if __name__ == "__main__":
    main()
