"""Compare distillation methods: configs x seeds under one recipe, and a table of what came out.

The teacher is trained once, then for each seed the plain student and each method, all by
tools/train.py. Runs that are finished are not repeated, so that the command can be given again.
"""

import argparse
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import DictAction

from mmkd.engine.comparison import check_same_recipe, markdown
from mmkd.engine.machine import provenance
from mmkd.engine.runs import Outcome, Run, RunFailedError, read_outcome, train_all

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / "tools" / "train.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", required=True, help="config of the teacher")
    parser.add_argument("--student", required=True, help="config of the plain student")
    parser.add_argument(
        "--methods", nargs="+", required=True, help="distillation configs, named by their folders"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="training processes at a time")
    parser.add_argument("--out", type=Path, required=True, help="table (.md); .json beside it")
    parser.add_argument("--title", default="Comparison of methods")
    parser.add_argument("--note", default="", help="what a reader must know besides, for the page")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="for every run")
    return parser.parse_args()


def plan(arguments: Namespace) -> tuple[Run, dict[str, list[Run]]]:
    """Return the teacher's run, and those of each method by its name."""
    options = arguments.cfg_options or {}
    folder = arguments.work_dir
    seed = {"randomness.seed": arguments.seeds[0]}
    teacher = Run("teacher", arguments.teacher, folder / "teacher", {**options, **seed})
    epochs = teacher.read_config().train_cfg.max_epochs
    checkpoint = folder / "teacher" / f"epoch_{epochs}.pth"
    distilled = {**options, "model.teacher.checkpoint": str(checkpoint)}
    methods = {"student alone": (arguments.student, options, ())}
    for config in arguments.methods:
        name = Path(config.rpartition("::")[2]).parent.name
        if name in methods:
            sys.exit(f"compare_methods.py: two configs lie in folders of the name {name!r}.")
        methods[name] = (config, distilled, (checkpoint,))
    runs = {
        name: [
            Run(
                f"{name}, seed {seed}",
                config,
                folder / f"{name.replace(' ', '_')}_seed{seed}",
                {**given, "randomness.seed": seed},
                inputs,
            )
            for seed in arguments.seeds
        ]
        for name, (config, given, inputs) in methods.items()
    }
    return teacher, runs


def result(arguments: Namespace, teacher: Run, runs: dict[str, list[Run]]) -> dict[str, Any]:
    """Return everything that the table says, and each run's curves."""
    outcomes: dict[str, list[Outcome]] = {"teacher": [read_outcome(teacher)]}
    outcomes.update({name: [read_outcome(run) for run in same] for name, same in runs.items()})
    config = runs["student alone"][0].read_config()
    configs = {name: same[0].config for name, same in runs.items()}
    return dict(
        note=arguments.note,
        title=arguments.title,
        seeds=arguments.seeds,
        jobs=arguments.jobs,
        gpu=_has_gpu(),
        recipe={key: config.get(key) for key in ("optim_wrapper", "param_scheduler", "train_cfg")},
        data=dict(
            train={k: v for k, v in config.train_dataloader.dataset.items() if k != "pipeline"},
            test={k: v for k, v in config.val_dataloader.dataset.items() if k != "pipeline"},
            batch_size=config.train_dataloader.batch_size,
        ),
        configs={"teacher": teacher.config, **configs},
        outcomes={name: [asdict(one) for one in same] for name, same in outcomes.items()},
        **provenance(ROOT),
    )


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def main() -> None:
    arguments = parse_arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    def report(line: str) -> None:
        print(line, flush=True)

    teacher, methods = plan(arguments)
    by_seed = [run for same_seed in zip(*methods.values(), strict=True) for run in same_seed]
    try:
        check_same_recipe([teacher, *by_seed])
        alone = [run for run in by_seed if not run.inputs]
        train_all([teacher, *alone], TRAIN, arguments.jobs, report)
        train_all([run for run in by_seed if run.inputs], TRAIN, arguments.jobs, report)
        found = result(arguments, teacher, methods)
    except (RunFailedError, ValueError) as error:
        sys.exit(f"compare_methods.py: {error}")
    table = markdown(found)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(table)
    arguments.out.with_suffix(".json").write_text(json.dumps(found, indent=1, default=str) + "\n")
    print(f"\n{table}\nWrote {arguments.out} and {arguments.out.with_suffix('.json')}")


if __name__ == "__main__":
    main()
