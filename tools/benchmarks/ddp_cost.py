"""Measure what a training step costs in several processes, and what they send each other.

A step on one batch per process is timed in turns: (1) by the first process alone, (2) by all
processes at the same time without communication, and (3) by all processes with DDP. Ideally all
three take the same time. The difference of 2 and 1 is the cost of shared resources, such as caches
and memory bandwidth; the difference of 3 and 2 is the cost of DDP. A profiler counts the numbers
that a step sends: they should be the gradients of the trained weights, and nothing of the teacher.
No checkpoint is read, the images are random, and the learning rate is 0: none of these changes the
time. Give each process a core of its own: on busy cores the results are useless.

Example:
  python tools/benchmarks/ddp_cost.py --method erkd --processes 2
"""

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from math import prod
from pathlib import Path
from statistics import median

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.registry import init_default_scope
from torch import distributed
from torch.profiler import ProfilerActivity, profile

from mmkd.benchmark.random_batch import random_batch
from mmkd.benchmark.timing import Step, measure, training_step
from mmkd.compat.machine import machine
from mmkd.composition import compose
from mmkd.engine import leave_processes
from mmkd.networks.complexity import parameter_count
from mmkd.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
PAIR = ROOT / "configs/_base_/pairs/resnet20_resnet8_w8_fmnist8k.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("pair", nargs="?", default=str(PAIR), help="config of a pair of networks")
    parser.add_argument("--method", default="kd", help="a method, or several as erkd+pkd")
    parser.add_argument("--processes", type=int, default=2, help="on the CPU, joined by gloo")
    parser.add_argument("--batch-size", type=int, default=64, help="of each process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=10, help="of each step in a round")
    return parser.parse_args()


def build(config: Config) -> BaseModel:
    """Return a config's model without its teacher's checkpoint."""
    settings = config.model.to_dict()
    settings["teacher"]["checkpoint"] = None
    settings.setdefault("data_preprocessor", config.data_preprocessor.to_dict())
    torch.manual_seed(0)
    model = MODELS.build(settings)
    model.init_weights()
    return model


def sent_by(step: Step) -> Counter[str]:
    """Return how many numbers this process sends by each collective operation in a step."""
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        step()
    sent: Counter[str] = Counter()
    for event in profiler.events():
        if event.name.startswith("gloo:"):
            numbers = sum(prod(shape) for shape in event.input_shapes if shape)
            sent[event.name.removeprefix("gloo:")] += numbers
    return sent


def work(arguments: Namespace) -> None:
    """Measure in one of the processes; the first one prints."""
    distributed.init_process_group("gloo")
    first = distributed.get_rank() == 0
    config = compose(arguments.pair, [], arguments.method.split("+"))
    init_default_scope(config.default_scope)
    model = build(config)
    trained = parameter_count(model, trained=True)
    shape = config.model.get("input_shape") or (3, 32, 32)
    batch = random_batch(model.student, arguments.batch_size, shape)
    alone = training_step(model, config, batch)
    wrapped = MMDistributedDataParallel(build(config), broadcast_buffers=False)
    together = training_step(wrapped, config, batch)
    turns = {"1 process": alone, "at once": alone, "DDP": together}
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(arguments.rounds):
        for name, step in turns.items():
            if first or name != "1 process":
                seconds[name] += measure({"": step}, 1, arguments.iterations)[""]
            distributed.barrier()
    sent = sent_by(together)
    if first:
        one = median(seconds["1 process"])
        print(f"{Path(arguments.pair).stem}, {arguments.method}, {arguments.batch_size} images")
        print(machine())
        for name, times in seconds.items():
            ms = 1e3 * median(times)
            words = name if name == "1 process" else f"{arguments.processes} processes, {name}"
            print(f"{words:24} {ms:8.1f} ms a step, {ms / one / 1e3:.3f} of ideal")
        for operation, numbers in sent.items():
            print(f"{operation}: {numbers:,} numbers a step, {trained:,} are trained")
    del wrapped, together, alone, turns, step, model
    leave_processes()


def main() -> None:
    arguments = parse_arguments()
    if "RANK" in os.environ:
        work(arguments)
        return
    launch = ["-m", "torch.distributed.run", "--standalone"]
    script = [f"--nproc_per_node={arguments.processes}", __file__, *sys.argv[1:]]
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    sys.exit(subprocess.run([sys.executable, *launch, *script], env=environment).returncode)


if __name__ == "__main__":
    main()
