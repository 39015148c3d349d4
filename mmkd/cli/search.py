"""``python -m mmkd search CONFIG``: find settings on validation data."""

import os
from pathlib import Path
from typing import Any

import click
from mmengine.config import Config

from mmkd.benchmark.columns import default_metric
from mmkd.benchmark.ray_cluster import HERE, RayCluster
from mmkd.benchmark.runs import RunFailedError
from mmkd.benchmark.search import BEST, Goal, Search, import_optuna
from mmkd.benchmark.search_space import read_space
from mmkd.benchmark.training import start_here
from mmkd.benchmark.validation import check_validation, hold_out
from mmkd.cli.output import JSON, tell
from mmkd.cli.store import options
from mmkd.compat.shipped import shipped
from mmkd.engine.launch import LOADERS, load_config
from mmkd.engine.preflight import check_run


@click.command()
@click.argument("config")
@click.option(
    "--search",
    "ranges",
    multiple=True,
    metavar="KEY=RANGE",
    help="A setting to search, and its range.",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Total number of trials.",
)
@click.option("--hold-out", type=click.IntRange(1), help="Training images that validate.")
@click.option("--metric", help="Key in the log; by default top-1 accuracy or AP.")
@click.option("--smaller-is-better", is_flag=True, help="The metric is to be small.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the trials.")
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Runs at a time."
)
@click.option("--cohort", type=click.IntRange(1), default=1, help="Trials that share a teacher.")
@click.option(
    "--ray",
    is_flag=False,
    flag_value=HERE,
    metavar="[ADDRESS]",
    help="Train by Ray, here or in the cluster at ADDRESS, in place of --jobs.",
)
@click.option("--gpus", type=float, help="GPUs of a run by Ray; by default 1 if there are any.")
@click.option("--work-dir", type=click.Path(path_type=Path), required=True)
@click.option("--cfg-options", multiple=True, metavar="KEY=VALUE", help="Overrides the config.")
@JSON
def search(
    config: str,
    ranges: tuple[str, ...],
    hold_out: int | None,
    cfg_options: tuple[str, ...],
    work_dir: Path,
    as_json: bool,
    **settings: Any,
) -> None:
    """Search for the settings of CONFIG that are best on validation data.

    KEY is any dotted key of the config, and RANGE is uniform(LOW,HIGH), loguniform(LOW,HIGH),
    int(LOW,HIGH) or choice(A,B,...). Optuna proposes the trials. Run the command again to continue
    an interrupted search, or with a greater --trials to add trials. A config that validates on its
    test images is refused: hold training images out with --hold-out.

    \b
    Examples:
      python -m mmkd search configs/quickstart/kd_digits.py --hold-out 300 --work-dir search \\
          --search "model.terms.kd.weight=loguniform(0.1,10)" --trials 20
      python -m mmkd search my_config.py --work-dir search --cohort 4 --trials 40 \\
          --search "model.terms.kd.loss.temperature=uniform(1,8)" \\
          --search "optim_wrapper.optimizer.lr=loguniform(0.01,0.2)"
    """  # noqa: D301
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        import_optuna()
        run = load_config(config)
        run.merge_from_dict(options(cfg_options))
        found = _search(run, ranges, hold_out, work_dir, settings)
    except (RunFailedError, ImportError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    tell(
        found,
        f"Best of {found['trials']} trials: {found['metric']} {found['value']:.6g} on the "
        f"validation images, in {work_dir / BEST}\n  --cfg-options {found['cfg_options']}",
        as_json,
    )


def _search(
    config: Config,
    ranges: tuple[str, ...],
    images: int | None,
    work_dir: Path,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Check everything, write the config of the trials into the work folder, and search."""
    space = read_space(ranges, config)
    metric = settings["metric"] or default_metric(config.get("val_evaluator"))
    check_run(config, LOADERS, trains=True)
    if images is not None:
        hold_out(config, images)
    check_validation(config)
    work_dir.mkdir(parents=True, exist_ok=True)
    path = work_dir / "config.py"
    config.dump(str(path))
    goal = Goal(space, metric, not settings["smaller_is_better"], settings["seed"])
    found = Search(path, goal, work_dir)
    jobs, start = settings["jobs"], start_here
    if settings["ray"]:
        cluster = RayCluster(settings["ray"], settings["gpus"])
        jobs, start = cluster.places, cluster.start
    train = shipped("tools") / "train.py"
    return found.run(settings["trials"], train, jobs, settings["cohort"], click.echo, start)
