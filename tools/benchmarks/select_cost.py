"""Measure the time of a training step in which the teacher runs on a share of the samples.

One process measures in turns the step of a method on all samples, on each share in --keep, chosen
by `mmkd.SelectByEntropy` with the student's entropy, and on the smallest of these shares, chosen at
random. No checkpoint is read, the images are random, and the learning rate is 0: none of these
changes the time.

Example:
  python tools/benchmarks/select_cost.py --method erkd --keep 0.3 0.5
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path
from statistics import median

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope

from mmkd.benchmark.random_batch import random_batch
from mmkd.benchmark.timing import Step, measure, training_step
from mmkd.compat.machine import machine
from mmkd.composition import compose
from mmkd.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
PAIR = ROOT / "configs/_base_/pairs/resnet20_resnet8_w8_fmnist8k.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("pair", nargs="?", default=str(PAIR), help="config of a pair of networks")
    parser.add_argument("--method", default="erkd", help="a method with a term `kd`")
    parser.add_argument("--keep", type=float, nargs="+", default=[0.2, 0.5, 1.0])
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=5, help="of each step in a round")
    return parser.parse_args()


def step_of(config: Config, batch_size: int, select: dict[str, object] | None) -> Step:
    """Return the step of a config's model whose term `kd` has the setting ``select``."""
    settings = config.model.to_dict()
    settings["terms"]["kd"]["select"] = select
    settings["teacher"]["checkpoint"] = None
    settings.setdefault("data_preprocessor", config.data_preprocessor.to_dict())
    torch.manual_seed(0)
    model = MODELS.build(settings).to(get_device())
    model.init_weights()
    shape = config.model.get("input_shape") or (3, 32, 32)
    return training_step(model, config, random_batch(model.student, batch_size, shape))


def main() -> None:
    arguments = parse_arguments()
    config = compose(arguments.pair, [], arguments.method.split("+"))
    init_default_scope(config.default_scope)
    build = partial(step_of, config, arguments.batch_size)
    steps = {"all samples, no choice": build(None)}
    for source, keep in [
        *(("student", keep) for keep in arguments.keep),
        ("random", min(arguments.keep)),
    ]:
        select = dict(type="mmkd.SelectByEntropy", source=source, keep=keep)
        steps[f"{source}, keep {keep:g}"] = build(select)
    seconds = measure(steps, arguments.rounds, arguments.iterations)
    print(f"{Path(arguments.pair).stem}, {arguments.method}, batch {arguments.batch_size}")
    print(machine())
    whole = median(next(iter(seconds.values())))
    for name, times in seconds.items():
        print(f"{name:24} {median(times) * 1e3:8.1f} ms  {median(times) / whole:5.2f}")


if __name__ == "__main__":
    main()
