"""``python -m mmkd calibrate CONFIG``: find a term's weight from the norm of its gradient."""

from statistics import mean

import click
from mmengine.config import Config

from mmkd.benchmark.gradient_share import measure_share
from mmkd.cli.output import JSON, tell
from mmkd.cli.store import options
from mmkd.engine.launch import ArgumentError, load_config


@click.command()
@click.argument("config")
@click.option(
    "--share",
    type=click.FloatRange(0, min_open=True),
    required=True,
    help="Wanted norm of the term's gradient, as a share of the task's.",
)
@click.option("--term", help="The term, if there are several.")
@click.option("--batches", type=click.IntRange(1), default=8, show_default=True)
@click.option("--checkpoint", help="Weights of the student; by default its initial ones.")
@click.option("--cfg-options", multiple=True, metavar="KEY=VALUE", help="Overrides the config.")
@JSON
def calibrate(
    config: str,
    share: float,
    term: str | None,
    batches: int,
    checkpoint: str | None,
    cfg_options: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print the weight at which a term's gradient norm is --share times that of the task loss.

    The gradients are those with respect to the student's parameters, on batches of CONFIG's
    training data. They change while the student learns; --checkpoint measures a later state.

    \b
    Examples:
      python -m mmkd calibrate configs/quickstart/kd_digits.py --share 0.1
      python -m mmkd calibrate my_config.py --share 0.5 --term hint --batches 32
      python -m mmkd calibrate configs/quickstart/kd_digits.py --share 0.1 --json
    """  # noqa: D301
    try:
        run: Config = load_config(config)
        run.merge_from_dict(options(cfg_options))
        found = measure_share(run, term, batches, checkpoint)
        weight = found.weight_for(share)
    except (ArgumentError, ValueError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    now = [found.weight * ratio for ratio in found.ratios]
    tell(
        dict(term=found.term, weight=found.weight, shares=now, share=share, weight_for=weight),
        f"{found.term}: at weight {found.weight:g} its gradient is {mean(now):.3g} times the "
        f"task's, {min(now):.3g} to {max(now):.3g} in {len(now)} batches.\n"
        f"At weight {weight:.4g} it is {share:g} times the task's:\n"
        f"  --cfg-options model.terms.{found.term}.weight={weight:.4g}",
        as_json,
    )
