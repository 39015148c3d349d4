"""Rows of a comparison: the runs of each method and of the teachers that they need."""

import json
import sys
from argparse import Namespace
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config

from mmkd.benchmark.comparison import ALONE
from mmkd.benchmark.runs import Run
from mmkd.benchmark.training import Start
from mmkd.composition import TeacherChoice, compose
from mmkd.composition.writing import command_line, write_config
from mmkd.store.manifest import NAME as MANIFEST

# Placeholder in a composed config for the checkpoint that the comparison trains.
LATER = "teacher.pth"


@dataclass(frozen=True)
class Plan:
    """All runs: of the teachers, by their seeds, and of each method, by its name."""

    teachers: dict[int, Run]
    methods: dict[str, list[Run]]


@dataclass(frozen=True)
class Slots:
    """Places of a method's config that name a teacher's checkpoint, as keys of the config.

    Attributes:
        one: The only teacher.
        several: The teachers, if there is a dict of them.
        itself: The only teacher, if it is the previously trained plain student.
    """

    one: str = ""
    several: tuple[str, ...] = ()
    itself: str = ""


def plan(arguments: Namespace) -> Plan:
    """Return all runs. Several teachers of one method are trained with the first seeds."""
    configs = row_configs(arguments)
    options = row_options(arguments, configs)
    slots = {name: teacher_slots(config, arguments.student) for name, config in configs.items()}
    count = max(len(slot.several) for slot in slots.values())
    seeds = sorted({*arguments.seeds[: None if arguments.teacher_per_seed else 1], *range(count)})
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
                runs[slot.itself] = methods[ALONE][index]
            taught = {f"{key}.checkpoint": run.last_checkpoint for key, run in runs.items()}
            inputs = [*taught.values()]
            settings = {**options[name], **{key: str(path) for key, path in taught.items()}}
            if name in arguments.store:
                inputs.append(arguments.work_dir / "store" / MANIFEST)
                settings["model.store.path"] = str(arguments.work_dir / "store")
            methods[name].append(
                Run(
                    f"{name}, seed {seed}",
                    config,
                    arguments.work_dir / f"{name.replace(' ', '_')}_seed{seed}",
                    {**settings, "randomness.seed": seed},
                    tuple(inputs),
                    tuple(runs.values()),
                )
            )
    return Plan(teachers, methods)


def row_configs(arguments: Namespace) -> dict[str, str]:
    """Return the config of each row by its name; methods are composed into the work folder."""
    configs = {ALONE: arguments.student}
    for given in arguments.methods:
        name, _, config = given.rpartition("=")
        composed = not config.endswith(".py")
        name = name or (config if composed else Path(config.rpartition("::")[2]).parent.name)
        if name in configs:
            sys.exit(f"compare_methods.py: two methods have the name {name!r}: give NAME=CONFIG.")
        if composed:
            path = arguments.work_dir / "configs" / f"{name.replace(' ', '_')}.py"
            teacher = TeacherChoice(arguments.teacher, LATER)
            page = compose(arguments.student, [teacher], config.split("+"))
            write_config(page, path, command_line())
            config = str(path)
        configs[name] = config
    return configs


def row_options(arguments: Namespace, rows: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the settings of each row's runs, those for all rows first."""
    options = {name: dict(arguments.cfg_options or {}) for name in rows}
    for name, found in tuned_rows(arguments, rows).items():
        options[name] |= found["settings"]
    for name, *settings in arguments.options:
        if name not in rows:
            sys.exit(f"compare_methods.py: --options names {name!r}; rows are {', '.join(rows)}.")
        for setting in settings:
            key, _, value = setting.partition("=")
            try:
                options[name][key] = json.loads(value)
            except ValueError:
                options[name][key] = value
    if arguments.store and arguments.teacher_per_seed:
        sys.exit("compare_methods.py: a store has one teacher; --teacher-per-seed has several.")
    for name in arguments.store:
        if name not in rows:
            sys.exit(f"compare_methods.py: --store names {name!r}; rows are {', '.join(rows)}.")
    return options


def tuned_rows(arguments: Namespace, rows: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the content of the files of ``python -m mmkd search`` that rows are tuned by."""
    given = dict(pair.rpartition("=")[::2] for pair in arguments.tuned)
    methods = [name for name in rows if name != ALONE]
    if given and set(given) != set(methods):
        sys.exit(
            f"compare_methods.py: --tuned names {', '.join(given)}; all or none of the methods "
            f"are tuned, or some have more chances than others: {', '.join(methods)}."
        )
    found = {name: json.loads(Path(path).read_text()) for name, path in given.items()}
    efforts = {
        name: f"{len(one['space'])} settings in {one['trials'] + one['failed']} trials on "
        f"{one['metric']}"
        for name, one in found.items()
    }
    if len(set(efforts.values())) > 1:
        listed = "; ".join(f"{name}: {effort}" for name, effort in efforts.items())
        sys.exit(
            "compare_methods.py: --tuned needs searches of equal size, or some methods have more "
            f"chances than others. {listed}."
        )
    return found


def teacher_run(arguments: Namespace, seed: int) -> Run:
    folder = arguments.work_dir / f"teacher_seed{seed}"
    options = {**(arguments.cfg_options or {}), "randomness.seed": seed}
    return Run(f"teacher, seed {seed}", arguments.teacher, folder, options)


def teacher_slots(config: str, student: str) -> Slots:
    """Find a config's teachers. The plain student is recognised by its work folder's name."""
    model = Config.fromfile(config).model
    if checkpoint := model.get("teacher", {}).get("checkpoint"):
        itself = Path(checkpoint).parent.name == Path(student).stem
        return Slots(**{"itself" if itself else "one": "model.teacher"})
    teachers = model.get("teachers", {})
    return Slots(several=tuple(f"model.teachers.{name}" for name in teachers))


def build_store(arguments: Namespace, runs: Plan, start: Start) -> None:
    """Compute the teacher's logits for the rows that read them from a store."""
    if not arguments.store:
        return
    run = runs.methods[arguments.store[0]][0]
    config, out = run.read_config(), arguments.work_dir / "store"
    config.model.pop("store")
    path = arguments.work_dir / "configs" / "store.py"
    write_config(config, path, command_line())
    command = [sys.executable, "-m", "mmkd", "store", "build", str(path), "--out", str(out)]
    log = arguments.work_dir / "store.log"
    if start(command, log).wait():
        sys.exit(
            f"compare_methods.py: the store could not be built, see {log}: {' '.join(command)}"
        )
