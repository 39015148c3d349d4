r"""Compare distillation methods: train configs x seeds under one recipe, and write a table.

All runs use tools/train.py. The teacher is trained once, or several times if a method or
--teacher-per-seed requires it; then the plain student and each method are trained for each seed.
Where memory allows, the methods of a seed are trained as one cohort, which shares the teacher's
forward and has the same results as separate runs; the tool prints which. Everything is checked
before the first run. The page, its JSON and its figure are written after each finished run; rows
that lack a seed are left out. Finished runs are not repeated: run the command again to continue,
or with more methods to extend the table. The JSON holds the results of the finished runs, so that
another machine can continue with it.

Example:
  python tools/benchmarks/compare_methods.py --teacher big.py --student small.py \
      --methods kd erkd dkd my_kd=my_config.py --options my_kd model.terms.kd.weight=2 \
      --baseline kd --margin 0.2 --work-dir work_dirs/table --out table.md
"""

import argparse
import json
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import DictAction
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmkd.benchmark.columns import column_of, default_metric
from mmkd.benchmark.comparison import ALONE
from mmkd.benchmark.memory import held_bytes, step_bytes
from mmkd.benchmark.ray_cluster import HERE, RayCluster
from mmkd.benchmark.runs import Run, RunFailedError
from mmkd.benchmark.statistics import Rule
from mmkd.benchmark.timing import measure, training_step
from mmkd.benchmark.training import Start, start_here, train_all
from mmkd.compat.files import write_file
from mmkd.engine.launch import complete_loaders
from mmkd.loading import build_loader
from mmkd.networks.complexity import parameter_count

# isort: split
from comparison_checks import TRAIN, build, check
from comparison_cohorts import Cohorts, choose
from comparison_rows import Plan, build_store, plan
from comparison_table import Table


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
        help="methods by their names, such as erkd or kd+pkd, or configs of distillation, named by "
        "their folders; NAME=METHOD and NAME=CONFIG name the row",
    )
    parser.add_argument(
        "--options",
        nargs="+",
        action="append",
        default=[],
        metavar=("ROW", "KEY=VALUE"),
        help="settings of one row, as dotted keys of its config; may be given several times",
    )
    parser.add_argument(
        "--tuned",
        nargs="+",
        default=[],
        metavar="ROW=FILE",
        help="rows with the settings that `python -m mmkd search` found, by its best.json: all "
        "methods or none, by searches of equal size",
    )
    parser.add_argument(
        "--store",
        nargs="+",
        default=[],
        metavar="ROW",
        help="rows whose teacher runs once over the data and is then read from a store: those "
        "with terms on logits and the one teacher; all of them see the first seed's crops",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--metric", help="key of the primary metric in the log, by default top-1 accuracy or AP"
    )
    parser.add_argument(
        "--smaller-is-better", action="store_true", help="of the primary metric, such as an error"
    )
    parser.add_argument("--baseline", default=ALONE, help="row that the others are compared with")
    parser.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="ROW=ROW",
        help="further comparisons, such as of a row with its control",
    )
    parser.add_argument(
        "--margin", type=float, default=0.0, help="mean difference that counts, in the table's unit"
    )
    parser.add_argument(
        "--teacher-per-seed", action="store_true", help="a teacher of its own for each seed"
    )
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, here")
    parser.add_argument(
        "--ray",
        nargs="?",
        const=HERE,
        metavar="ADDRESS",
        help="train by Ray, in a cluster of this machine or in the one at ADDRESS, whose nodes "
        "share this folder; as many runs at a time as it has CPUs and GPUs for",
    )
    parser.add_argument(
        "--gpus", type=float, help="GPUs of a run by Ray, by default 1 if there are any, or 0.5"
    )
    parser.add_argument(
        "--cohort",
        type=int,
        metavar="N",
        help="train up to N students of a seed together, with one pass of their teacher; the "
        "results are those of separate runs, which 1 asks for. By default up to 16, if their "
        "weights fit into the free memory, and no more than keep all --jobs busy",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        help="turns of 10 iterations in which steps are timed at the end; 0 times none",
    )
    parser.add_argument("--out", type=Path, required=True, help="table (.md); .json beside it")
    parser.add_argument("--title", default="Comparison of methods")
    parser.add_argument("--note", default="", help="what a reader must know besides, for the page")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="for every run")
    return parser.parse_args()


def fixed_rule(arguments: Namespace, runs: Plan) -> Rule:
    """Return the rule of the comparison, which its first call writes into the work folder."""
    evaluator = runs.methods[ALONE][0].read_config().get("val_evaluator")
    column = column_of(arguments.metric or default_metric(evaluator))
    against = [pair.rpartition("=") for pair in arguments.against]
    rule = Rule(
        metric=column.metric,
        title=column.title,
        factor=column.factor,
        greater=not arguments.smaller_is_better,
        baseline=arguments.baseline,
        against=tuple((row, other) for row, _, other in against),
        margin=arguments.margin,
        seeds=tuple(arguments.seeds),
    )
    named = {rule.baseline, *(row for pair in rule.against for row in pair)}
    if unknown := named - {*runs.methods}:
        raise ValueError(
            f"There is no row {', '.join(sorted(unknown))}; rows are {', '.join(runs.methods)}."
        )
    path = arguments.work_dir / "rule.json"
    # A table may grow: the further comparisons do not change what was decided before.
    fixed = json.loads(json.dumps(asdict(replace(rule, against=()))))
    if path.exists() and (before := json.loads(path.read_text())) != fixed:
        changed = [key for key in fixed if before.get(key) != fixed[key]]
        raise ValueError(
            f"The rule was fixed before the first run, and {', '.join(changed)} would change: "
            f"{path} has {', '.join(f'{key} {before.get(key)!r}' for key in changed)}. Keep it, or "
            "give another --work-dir."
        )
    write_file(path, f"{json.dumps(fixed, indent=1)}\n".encode())
    return rule


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
        data = next(iter(build_loader(config.train_dataloader, seed=0)))
        model = build(config).to(get_device())
        model.init_weights()
        steps[name] = training_step(model, config, data)
        found[name] = dict(parameters=parameter_count(model, trained=True), bytes=held_bytes(model))
    for name, values in measure(steps, rounds, 10).items():
        found[name]["seconds"] = median(values)
        found[name]["bytes"] += step_bytes(steps[name])
    return found


def train(arguments: Namespace, cohorts: Cohorts, table: Table, start: Start) -> None:
    """Train what is missing: teachers and plain students first, then seed by seed."""

    def report(line: str) -> None:
        print(line, flush=True)

    runs = table.runs
    by_seed = [run for same_seed in zip(*runs.methods.values(), strict=True) for run in same_seed]
    missing = [run for run in by_seed if run not in table.cells]
    parents = {run.work_dir: run for child in missing for run in child.parents}
    first = [run for run in runs.teachers.values() if run not in table.cells]
    first += [run for run in parents.values() if run not in first]
    first += [run for run in missing if not run.inputs and run not in first]
    train_all(first, TRAIN, arguments.jobs, report, keep=table.keep, start=start)
    if any(run for run in missing if run.name.rpartition(",")[0] in arguments.store):
        build_store(arguments, runs, start)
    rest = [run for run in missing if run not in first]
    cohorts.train(rest, arguments.jobs, report, start)
    train_all(rest, TRAIN, arguments.jobs, report, keep=table.keep, start=start)


def main() -> None:
    arguments = parse_arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A terminated comparison stops its runs, like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("compare_methods.py: terminated"))
    # without this every initialised weight is listed
    MMLogger.get_instance("mmengine", log_level="ERROR")
    try:
        runs = plan(arguments)
        sizes = check(runs)
        rule = fixed_rule(arguments, runs)
        print(rule.text(len(rule.pairs([*runs.methods]))), flush=True)
        start, sharing = start_here, arguments.jobs
        if arguments.ray:
            cluster = RayCluster(arguments.ray, arguments.gpus)
            arguments.jobs, start, sharing = cluster.places, cluster.start, cluster.sharing
        cohorts = choose(arguments, runs, sizes, sharing)
        print(*cohorts.lines(runs), sep="\n", flush=True)
        table = Table(arguments, runs, rule)
        table.write()
        train(arguments, cohorts, table, start)
        rows = {"teacher": [*runs.teachers.values()], **runs.methods}
        first = {name: same[0] for name, same in rows.items()}
        # Runs of another machine have left no teacher here to measure with.
        if arguments.rounds and all(p.exists() for run in first.values() for p in run.inputs):
            table.costs = costs(first, arguments.rounds)
        table.write()
    except (RunFailedError, ImportError, ValueError) as error:
        sys.exit(f"compare_methods.py: {error}")
    out = arguments.out
    print(f"\n{out.read_text()}\nWrote {out} and {out.with_suffix('.json')}")


if __name__ == "__main__":
    main()
