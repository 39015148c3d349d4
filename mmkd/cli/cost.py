"""``python -m mmkd cost CONFIG``: time and memory of each part of a step."""

import click

from mmkd.benchmark.cost import costs_of, describe, page
from mmkd.cli.output import JSON, tell
from mmkd.engine.launch import ArgumentError, load_config


@click.command()
@click.argument("config")
@click.option("--batch", type=click.IntRange(min=1), help="Images in a step; by default CONFIG's.")
@click.option(
    "--size",
    type=click.IntRange(min=1),
    nargs=2,
    metavar="H W",
    help="Height and width of the images; by default those of CONFIG's data.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@JSON
def cost(
    config: str, batch: int | None, size: tuple[int, int] | None, rounds: int, as_json: bool
) -> None:
    """Measure what each part of a training step of the distillation config CONFIG costs.

    The student, the teachers, the terms and the terms' weights are measured in turns on random
    images; checkpoints are not read. A term's cost is that of its forward and backward, with its
    weights. "MB step" is the peak memory of the tensors that a part allocates while it runs.

    \b
    Examples:
      python -m mmkd cost configs/erkd/resnet32x4_resnet8x4_cifar100.py --batch 32
      python -m mmkd cost configs/kd/gfl_r101_r50_coco.py --batch 1 --size 320 512 --json
    """  # noqa: D301
    try:
        run = load_config(config)
        images = batch or int((run.get("train_dataloader") or {}).get("batch_size", 1))
        shape, costs = costs_of(run, images, size, rounds)
    except (ArgumentError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    text = f"{images} images of {' x '.join(map(str, shape))}\n{describe(costs)}"
    tell(page(shape, images, costs), text, as_json)
