r"""Compare distillation methods: configs x seeds under one recipe, and a table of the results.

The teacher is trained once, or as often as a method or --teacher-per-seed requires, then for each
seed the plain student and each method, all by tools/train.py. Finished runs are not repeated, so
that the command can be given again.

Example:
  python tools/benchmarks/compare_methods.py --teacher configs/quickstart/teacher_digits.py \
      --student configs/quickstart/student_digits.py \
      --methods configs/quickstart/kd_digits.py configs/quickstart/erkd_digits.py \
      --work-dir work_dirs/compare_digits --out work_dirs/compare_digits/table.md
"""

import argparse
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmkd.benchmark.comparison import check_same_recipe, markdown, own_settings
from mmkd.benchmark.memory import held_bytes, step_bytes, trainable
from mmkd.benchmark.runs import Run, RunFailedError, read_outcome, train_all
from mmkd.benchmark.timing import measure, training_step
from mmkd.compat.machine import provenance
from mmkd.engine.launch import complete_loaders
from mmkd.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / "tools" / "train.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", required=True, help="config of the teacher")
    parser.add_argument("--student", required=True, help="config of the plain student")
    parser.add_argument(
        "--methods",
        nargs="+",
        required=True,
        help="distillation configs, named by their folders unless given as NAME=CONFIG",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--teacher-per-seed", action="store_true", help="a teacher of its own for each seed"
    )
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="training processes at a time")
    parser.add_argument(
        "--rounds", type=int, default=5, help="turns of 10 iterations in which steps are timed"
    )
    parser.add_argument("--out", type=Path, required=True, help="table (.md); .json beside it")
    parser.add_argument("--title", default="Comparison of methods")
    parser.add_argument("--note", default="", help="what a reader must know besides, for the page")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="for every run")
    return parser.parse_args()


@dataclass(frozen=True)
class Plan:
    """All runs: of the teachers, by their seeds, and of each method, by its name."""

    teachers: dict[int, Run]
    methods: dict[str, list[Run]]


def plan(arguments: Namespace) -> Plan:
    """Return all runs. Several teachers of one method are trained with the first seeds."""
    configs = {"student alone": arguments.student}
    for method in arguments.methods:
        name, _, config = method.rpartition("=")
        name = name or Path(config.rpartition("::")[2]).parent.name
        if name in configs:
            sys.exit(f"compare_methods.py: two methods have the name {name!r}: give NAME=CONFIG.")
        configs[name] = config
    slots = {name: teacher_slots(config, arguments.student) for name, config in configs.items()}
    count = max(len(slot.several) for slot in slots.values())
    seeds = sorted({*arguments.seeds[: None if arguments.teacher_per_seed else 1], *range(count)})
    options = arguments.cfg_options or {}
    teachers = {seed: teacher_run(arguments, seed) for seed in seeds}
    methods: dict[str, list[Run]] = {name: [] for name in configs}
    for index, seed in enumerate(arguments.seeds):
        for name, config in configs.items():
            slot = slots[name]
            runs = {key: teachers[taught] for taught, key in enumerate(slot.several)}
            if slot.one:
                own = seed if arguments.teacher_per_seed else arguments.seeds[0]
                runs[slot.one] = teachers[own]
            if slot.itself:
                runs[slot.itself] = methods["student alone"][index]
            taught = {f"{key}.checkpoint": last_checkpoint(run) for key, run in runs.items()}
            methods[name].append(
                Run(
                    f"{name}, seed {seed}",
                    config,
                    arguments.work_dir / f"{name.replace(' ', '_')}_seed{seed}",
                    {**options, **{k: str(v) for k, v in taught.items()}, "randomness.seed": seed},
                    tuple(taught.values()),
                )
            )
    return Plan(teachers, methods)


def teacher_run(arguments: Namespace, seed: int) -> Run:
    folder = arguments.work_dir / f"teacher_seed{seed}"
    options = {**(arguments.cfg_options or {}), "randomness.seed": seed}
    return Run(f"teacher, seed {seed}", arguments.teacher, folder, options)


@dataclass(frozen=True)
class Slots:
    """Places of a method's config that name a teacher's checkpoint, as keys of the config.

    Attributes:
        one: The only teacher.
        several: The teachers, if there is a dict of them.
        itself: The only teacher, if it is the plain student, trained before.
    """

    one: str = ""
    several: tuple[str, ...] = ()
    itself: str = ""


def teacher_slots(config: str, student: str) -> Slots:
    """Find a config's teachers. The plain student is recognised by its work folder's name."""
    model = Config.fromfile(config).model
    if checkpoint := model.get("teacher", {}).get("checkpoint"):
        itself = Path(checkpoint).parent.name == Path(student).stem
        return Slots(**{"itself" if itself else "one": "model.teacher"})
    teachers = model.get("teachers", {})
    return Slots(several=tuple(f"model.teachers.{name}" for name in teachers))


def last_checkpoint(run: Run) -> Path:
    return run.work_dir / f"epoch_{run.read_config().train_cfg.max_epochs}.pth"


def result(arguments: Namespace, runs: Plan) -> dict[str, Any]:
    """Return the content of the table, and the curves of each run."""
    rows = {"teacher": [*runs.teachers.values()], **runs.methods}
    outcomes = {name: [read_outcome(run) for run in same] for name, same in rows.items()}
    config = runs.methods["student alone"][0].read_config()
    first = {name: same[0] for name, same in rows.items()}
    return dict(
        costs=costs(first, arguments.rounds),
        note=arguments.note,
        title=arguments.title,
        seeds=arguments.seeds,
        jobs=arguments.jobs,
        recipe={key: config.get(key) for key in ("optim_wrapper", "param_scheduler", "train_cfg")},
        data=dict(
            train={k: v for k, v in config.train_dataloader.dataset.items() if k != "pipeline"},
            test={k: v for k, v in config.val_dataloader.dataset.items() if k != "pipeline"},
            batch_size=config.train_dataloader.batch_size,
        ),
        configs={name: run.config for name, run in first.items()},
        own_settings={name: own_settings(run) for name, run in first.items()},
        outcomes={name: [asdict(one) for one in same] for name, same in outcomes.items()},
        **provenance(ROOT),
    )


def costs(runs: dict[str, Run], rounds: int) -> dict[str, dict[str, float]]:
    """Return the costs of a training step of each run.

    These are its median ``seconds``, measured in turns with the other runs; the number of trained
    ``parameters``; and the ``bytes`` of all weights and of a step's tensors at their peak.
    """
    steps, found = {}, {}
    for name, run in runs.items():
        config = run.read_config()
        init_default_scope(config.default_scope)
        complete_loaders(config, ("train_dataloader",))
        data = next(iter(Runner.build_dataloader(config.train_dataloader, seed=0)))
        if "data_preprocessor" in config:
            config.model.setdefault("data_preprocessor", config.data_preprocessor)
        model = MODELS.build(config.model).to(get_device())
        model.init_weights()
        steps[name] = training_step(model, config, data)
        found[name] = dict(parameters=trainable(model), bytes=held_bytes(model))
    for name, values in measure(steps, rounds, 10).items():
        found[name]["seconds"] = median(values)
        found[name]["bytes"] += step_bytes(steps[name])
    return found


def main() -> None:
    arguments = parse_arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # without this every initialised weight is listed
    MMLogger.get_instance("mmengine", log_level="ERROR")

    def report(line: str) -> None:
        print(line, flush=True)

    runs = plan(arguments)
    by_seed = [run for same_seed in zip(*runs.methods.values(), strict=True) for run in same_seed]
    try:
        teachers = list(runs.teachers.values())
        check_same_recipe([*teachers, *by_seed])
        alone = [run for run in by_seed if not run.inputs]
        train_all([*teachers, *alone], TRAIN, arguments.jobs, report)
        train_all([run for run in by_seed if run.inputs], TRAIN, arguments.jobs, report)
        found = result(arguments, runs)
    except (RunFailedError, ValueError) as error:
        sys.exit(f"compare_methods.py: {error}")
    table = markdown(found)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(table)
    arguments.out.with_suffix(".json").write_text(json.dumps(found, indent=1, default=str) + "\n")
    print(f"\n{table}\nWrote {arguments.out} and {arguments.out.with_suffix('.json')}")


if __name__ == "__main__":
    main()
