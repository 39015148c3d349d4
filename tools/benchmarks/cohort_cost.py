"""Measure what a cohort saves: the time of a student's step in a cohort and in a run of its own.

The students are CIFAR resnet8 networks that learn by KD from one resnet20. A step loads a batch of
random images through CIFAR-100's transforms and trains. Both kinds of steps are measured in turns,
in processor time, so that other programs matter less. With --stacked the tool instead measures
whether stacking the students' weights (torch.func) would be faster than training one student after
another.

Examples:
  python tools/benchmarks/cohort_cost.py --rounds 3
  python tools/benchmarks/cohort_cost.py --stacked --rounds 2
"""

import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from mmkd.benchmark.timing import Step, measure
from mmkd.registry import MODELS

sys.path.insert(0, str(Path(__file__).parent))
from random_images import CONFIG, endless, loader_of

STUDENT, TEACHER = (f"mmkd::_base_/models/cifar/{name}.py" for name in ("resnet8", "resnet20"))
KD = dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0)))


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5, help="turns that are measured")
    parser.add_argument(
        "--amp", action="store_true", help="bfloat16 by autocast, with channels last, on a CPU"
    )
    parser.add_argument("--stacked", action="store_true")
    return parser.parse_args()


def training(model: dict[str, Any], arguments: Namespace) -> Step:
    """Return a step of a model that loads a batch and trains, at a learning rate of 0."""
    built = MODELS.build(dict(model, data_preprocessor=CONFIG.data_preprocessor.to_dict()))
    built.init_weights()
    built.train()
    wrapper: dict[str, Any] = dict(optimizer=dict(type="SGD", lr=0.0, momentum=0.9))
    if arguments.amp:
        built.to(memory_format=torch.channels_last)
        wrapper["type"] = "mmkd.CPUAmpOptimWrapper"
    if "members" in model:
        wrapper["constructor"] = "mmkd.CohortOptimWrapperConstructor"
    optimizer = build_optim_wrapper(built, wrapper)
    data = endless(loader_of(2048, arguments.batch_size))
    return lambda: built.train_step(next(data), optimizer)


def medians(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """Return the median processor time of each step, in seconds."""
    found = measure(steps, rounds, 1, clock=time.process_time)
    return {name: median(values) for name, values in found.items()}


def report_cohort(arguments: Namespace) -> None:
    """Measure the steps of a cohort, and as many steps of a student alone."""
    member = dict(student=STUDENT, terms=KD)
    members = {f"s{seed}": dict(member, seed=seed) for seed in range(arguments.members)}
    fast = dict(dtype="bfloat16", memory_format="channels_last") if arguments.amp else {}
    teacher = dict(model=TEACHER, **fast)
    single = dict(type="mmkd.Distiller", teacher=teacher, **member)
    together = dict(type="mmkd.Cohort", teacher=teacher, members=members)
    alone = training(single, arguments)
    steps: dict[str, Step] = {
        "alone": lambda: [alone() for _ in members],
        "cohort": training(together, arguments),
    }
    found = medians(steps, arguments.rounds)
    each = {name: 1e3 * seconds / len(members) for name, seconds in found.items()}
    kind = "bfloat16 autocast" if arguments.amp else "float32"
    print(
        f"{len(members)} students, {kind}, batch {arguments.batch_size}: "
        f"{each['alone']:.1f} ms a student and step alone, {each['cohort']:.1f} ms in a cohort: "
        f"{each['cohort'] / each['alone']:.2f}"
    )


def report_stacked(arguments: Namespace) -> None:
    """Measure gradients of students one after another, and of all at once by ``vmap``."""
    students: list[nn.Module] = [
        MODELS.build(Config.fromfile(STUDENT).model) for _ in range(arguments.members)
    ]
    backbones = [student.backbone for student in students]
    images = torch.randn(arguments.batch_size, 3, 32, 32)
    parameters, buffers = stack_module_state(backbones)

    def loss(weights: dict[str, Tensor], state: dict[str, Tensor]) -> Tensor:
        found: Tensor = functional_call(backbones[0], (weights, state), (images,))[-1]
        return found.square().mean()

    def one_by_one() -> None:
        for backbone in backbones:
            backbone.zero_grad()
            backbone(images)[-1].square().mean().backward()

    stacked = vmap(grad(loss))
    steps = {"one by one": one_by_one, "stacked": lambda: stacked(parameters, buffers)}
    found = medians(steps, arguments.rounds)
    times = ", ".join(f"{name} {1e3 * s / len(students):.1f} ms" for name, s in found.items())
    print(
        f"Gradients of {len(students)} students, a student: {times}: "
        f"{found['stacked'] / found['one by one']:.2f}"
    )


def main() -> None:
    arguments = parse_arguments()
    MMLogger.get_instance("mmengine", log_level="ERROR")
    init_default_scope("mmpretrain")
    (report_stacked if arguments.stacked else report_cohort)(arguments)


if __name__ == "__main__":
    main()
