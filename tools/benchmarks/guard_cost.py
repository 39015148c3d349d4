"""Measure what SafeRunner's guards cost in a training step: each guard by itself, and all together.

The processor time inside each guard's hooks is summed over a step. The cost of exact resume in
loading is the difference between two loaders, with and without it, that are read in turns. For
each batch the minimum over all rounds counts, because other programs can only increase the
processor time of this process, through shared caches. The results are means over the batches of an
epoch.
With --whole the tool instead measures the config's whole training command, by SafeRunner and by
MMEngine's Runner. No best checkpoints are saved then: the two runners draw different random
numbers, so that the number of best checkpoints would differ by chance.

Examples:
  python tools/benchmarks/guard_cost.py --rounds 20
  python tools/benchmarks/guard_cost.py configs/quickstart/student_digits.py --whole --rounds 3
"""

import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config

from mmkd.engine import SafeRunner
from mmkd.engine.runner import GUARDS

# The points at which a step calls a guard; the last one is FiniteGuardHook's, before an optimizer.
CALLED = ("before_train_iter", "after_train_iter", "_before_step")
TRAIN = Path(__file__).resolve().parents[1] / "train.py"
LOADING = "exact_resume, loading"


class Meter:
    """Processor time of functions in seconds, by name, without the time of reading the clock."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        readings = [time.process_time() for _ in range(1000)]
        self.reading = (readings[-1] - readings[0]) / (len(readings) - 1)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls ``function`` and adds its time to that of ``name``."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.process_time() - begun - self.reading

        return timed

    def watch(self, runner: SafeRunner) -> None:
        """Time the guards of a runner, before it starts."""
        names = {hook["type"].removeprefix("mmkd."): name for name, hook in GUARDS.items()}
        for hook in runner.hooks:
            if name := names.get(type(hook).__name__):
                for point in CALLED:
                    if hasattr(hook, point):
                        setattr(hook, point, self.around(name, getattr(hook, point)))


def prepared(config: str, folder: str, meter: Meter | None) -> SafeRunner:
    """Build a runner as training does, up to its first iteration; without a meter, no guards."""
    settings = Config.fromfile(config)
    settings.work_dir, settings.log_level = folder, "ERROR"
    settings.experiment_name = f"guarded_{meter is not None}"
    settings.custom_hooks, settings.param_scheduler = [], None
    settings.default_hooks.checkpoint = None
    if "teacher" in settings.model:
        settings.model.teacher.checkpoint = None
    if meter is None:
        settings.default_hooks.update(dict.fromkeys(GUARDS))
    runner = SafeRunner.from_cfg(settings)
    if meter is not None:
        meter.watch(runner)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.call_hook("before_run")
    runner.model.train()
    runner.call_hook("before_train")
    runner.call_hook("before_train_epoch")
    return runner


def run_epoch(runners: dict[str, SafeRunner], meter: Meter, times: dict[str, list[float]]) -> None:
    """Train for an epoch, batch by batch in turns; ``times`` keeps the minimum for each batch."""
    loaders = {name: iter(runner.train_dataloader) for name, runner in runners.items()}
    for index in range(len(next(iter(runners.values())).train_dataloader)):
        meter.seconds.clear()
        for name, runner in runners.items():
            begun = time.process_time()
            batch = next(loaders[name])
            loaded = time.process_time()
            runner.train_loop.run_iter(index, batch)
            meter.seconds[f"{name} loading"] = loaded - begun
            meter.seconds[f"{name} step"] = time.process_time() - loaded
        for name, seconds in meter.seconds.items():
            times[name][index] = min(seconds, times[name][index])


def run_command(config: str, runner_type: str) -> float:
    """Run a config's training command, and return the processor time that it took, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        options = f"runner_type={runner_type}", "default_hooks.checkpoint.save_best=None"
        command = sys.executable, TRAIN, config, "--work-dir", folder, "--cfg-options", *options
        subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare_commands(config: str, rounds: int) -> None:
    """Print the processor time of whole runs; the two runners take turns."""
    seconds: dict[str, list[float]] = {"Runner": [], "mmkd.SafeRunner": []}
    for _ in range(rounds):
        for runner_type, times in seconds.items():
            times.append(run_command(config, runner_type))
    stock, safe = (min(times) for times in seconds.values())
    for runner_type, times in seconds.items():
        print(f"{runner_type:16}", *(f"{each:7.2f}" for each in sorted(times)), "s")
    print(f"the least of each: {stock:.2f} and {safe:.2f} s, {safe / stock - 1:+.2%}")


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="mmkd::quickstart/kd_digits.py")
    parser.add_argument("--rounds", type=int, default=20, help="epochs, with guards and without")
    parser.add_argument("--whole", action="store_true", help="measure the command of the config")
    arguments = parser.parse_args()
    if arguments.whole:
        compare_commands(arguments.config, arguments.rounds)
        return
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder:
        runners = {
            "guarded": prepared(arguments.config, folder, meter),
            "bare": prepared(arguments.config, folder, None),
        }
        batches = len(runners["bare"].train_dataloader)
        times: dict[str, list[float]] = defaultdict(lambda: [float("inf")] * batches)
        for _ in range(arguments.rounds):
            run_epoch(runners, meter, times)
    least = {name: fmean(of_batches) for name, of_batches in times.items()}
    whole = least["bare step"] + least["bare loading"]
    each = {name: least.get(name, 0.0) for name in GUARDS}
    each[LOADING] = least["guarded loading"] - least["bare loading"]
    print(f"step without guards: {1e3 * whole:.2f} ms of processor time, with loading")
    for name, cost in [*each.items(), ("all", sum(each.values()))]:
        print(f"{name:24}{1e6 * cost:8.1f} us  {cost / whole:7.2%}")


if __name__ == "__main__":
    main()
