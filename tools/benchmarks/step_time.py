"""Measure what distillation costs a training step.

In one process, in rounds that take turns: a step of the plain student, the teachers' forward, and a
step of online distillation. What online distillation must at least cost is the student's step and
the teachers' forward: the ratio to that sum is the toolbox's own overhead. The images are random;
neither data nor checkpoints are read.
"""

import json
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner.amp import autocast
from torch import nn

from mmkd.distillers import Distiller
from mmkd.engine import use_mixed_precision
from mmkd.engine.machine import provenance
from mmkd.networks import build_network
from mmkd.registry import MODELS
from mmkd.student import student_model
from mmkd.taps import Tap

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "student": "student's step",
    "teacher": "teachers' forward",
    "distillation": "online distillation's step",
}
SIZES = ("VmRSS:", "VmHWM:")
RESET_PEAK = Path("/proc/self/clear_refs")
Step = Callable[[], Any]


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("config", help="path or name of a distillation config")
    parser.add_argument("--batch-size", type=int, help="by default the config's")
    parser.add_argument(
        "--input-shape",
        type=int,
        nargs=3,
        metavar=("C", "H", "W"),
        help="by default the config's model.input_shape",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=10, help="of each part in a round")
    parser.add_argument("--amp", action="store_true", help="use automatic mixed precision")
    parser.add_argument("--out", type=Path, help="file for the result as JSON")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="as of tools/train.py")
    parser.add_argument(
        "--memory-of", choices=PARTS, help="print the peak memory of one part in MB, and end"
    )
    return parser.parse_args()


def read_config(arguments: Namespace) -> Config:
    config = Config.fromfile(arguments.config)
    config.merge_from_dict(arguments.cfg_options or {})
    if config.model.type.rpartition(".")[2] != "Distiller":
        sys.exit(f"{arguments.config} has no mmkd.Distiller: there is no distillation to measure.")
    if config.get("default_scope") != "mmpretrain":
        sys.exit("Only classifiers (default_scope='mmpretrain') can be measured so far.")
    for teacher in (config.model.get("teachers") or dict(one=config.model.teacher)).values():
        teacher.checkpoint = None  # what the weights are makes no difference to the time
    if arguments.amp:
        use_mixed_precision(config)
    return config


def batch(config: Config, arguments: Namespace, classes: int) -> dict[str, Any]:
    """Return random images with random labels, as a data loader gives them."""
    from mmpretrain.structures import DataSample

    shape = arguments.input_shape or config.model.get("input_shape")
    if shape is None:
        sys.exit("The config has no model.input_shape: give --input-shape C H W.")
    size = arguments.batch_size or config.train_dataloader.batch_size
    labels = torch.randint(0, classes, (size,)).tolist()
    return dict(
        inputs=torch.randint(0, 256, (size, *shape), dtype=torch.uint8),
        data_samples=[DataSample().set_gt_label(label) for label in labels],
    )


def classes_of(model: nn.Module) -> int:
    return int(model.head.num_classes)


def training_step(model: nn.Module, config: Config, data: dict[str, Any]) -> Step:
    model.init_weights()
    model.train()
    optim_wrapper = build_optim_wrapper(model, config.optim_wrapper)
    return lambda: model.train_step(data, optim_wrapper)


def teacher_forward(distiller: Distiller, data: dict[str, Any], amp: bool) -> Step:
    """Return the forward of all teachers, as far as the terms need them."""
    batch = distiller.data_preprocessor(data, True)
    taps: dict[str, dict[Tap, None]] = {name: {} for name in distiller.teachers}
    for term in distiller.terms.values():
        for name in term.teachers:
            taps[name].update(term.taps[name])

    def forward() -> None:
        with autocast(enabled=amp):
            for name, teacher in distiller.teachers.items():
                teacher(batch["inputs"], batch["data_samples"], taps[name])

    return forward


def build_steps(config: Config, arguments: Namespace, parts: list[str]) -> dict[str, Step]:
    """Build what is to be measured, and nothing else."""
    init_default_scope(config.default_scope)
    device, steps = get_device(), {}
    preprocessor = config.get("data_preprocessor")
    preprocessor = None if preprocessor is None else preprocessor.to_dict()
    if "student" in parts:
        spec = config.model.to_dict()["student"]
        student = build_network(student_model(spec, preprocessor)).to(device)
        data = batch(config, arguments, classes_of(student))
        steps["student"] = training_step(student, config, data)
    if {"teacher", "distillation"} & set(parts):
        settings = config.model.to_dict()
        if preprocessor is not None:
            settings.setdefault("data_preprocessor", preprocessor)
        distiller = MODELS.build(settings).to(device)
        data = batch(config, arguments, classes_of(distiller.student))
        if "teacher" in parts:
            steps["teacher"] = teacher_forward(distiller, data, arguments.amp)
        if "distillation" in parts:
            steps["distillation"] = training_step(distiller, config, data)
    return {part: steps[part] for part in parts}


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def measure(steps: dict[str, Step], rounds: int, iterations: int) -> dict[str, list[float]]:
    """Return the seconds of every iteration of every part, the parts taking turns."""
    seconds: dict[str, list[float]] = {part: [] for part in steps}
    for step in steps.values():
        for _ in range(3):
            step()
    for _ in range(rounds):
        for part, step in steps.items():
            for _ in range(iterations):
                synchronize()
                started = time.perf_counter()
                step()
                synchronize()
                seconds[part].append(time.perf_counter() - started)
    return seconds


def resident() -> dict[str, float]:
    """Return this process's memory in MB, now (VmRSS) and at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = (line.split()[:2] for line in lines if line.startswith(SIZES))
    return {name: int(size) / 1024 for name, size in found}


def own_memory(config: Config, arguments: Namespace) -> float:
    """Return the peak memory in MB of one part alone in this process.

    On a GPU this is what PyTorch allocated; on a CPU by how much the process grew.
    """
    batch(config, arguments, 2)  # imports what it needs before the first reading
    before = resident()["VmRSS:"]
    RESET_PEAK.write_text("5")
    steps = build_steps(config, arguments, [arguments.memory_of])
    for _ in range(3):
        steps[arguments.memory_of]()
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resident()["VmHWM:"] - before


def memory_of(part: str) -> float:
    """Return the peak memory of a part, measured in a process of its own."""
    command = [sys.executable, *sys.argv, "--memory-of", part]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(output.splitlines()[-1])


def main() -> None:
    arguments = parse_arguments()
    MMLogger.get_instance("mmengine", log_level="ERROR")  # else every initialised weight is listed
    config = read_config(arguments)
    if arguments.memory_of:
        print(own_memory(config, arguments))
        return
    seconds = measure(
        build_steps(config, arguments, list(PARTS)), arguments.rounds, arguments.iterations
    )
    medians = {part: median(values) for part, values in seconds.items()}
    memories = {part: memory_of(part) for part in PARTS}
    bound = medians["student"] + medians["teacher"]
    ratio = medians["distillation"] / bound
    kind = "GPU memory" if torch.cuda.is_available() else "growth of the process"
    print(f"{'':28} {'median ms':>10} {'min ms':>10} {'peak MB':>10}")
    for part, title in PARTS.items():
        fastest = min(seconds[part]) * 1e3
        print(f"{title:28} {medians[part] * 1e3:10.2f} {fastest:10.2f} {memories[part]:10.0f}")
    print(f"{'student + teachers':28} {bound * 1e3:10.2f}")
    print(f"Online distillation takes {ratio:.3f} of student + teachers. Peak MB: {kind}.")
    if arguments.out:
        result = dict(
            seconds=medians, bound=bound, ratio=ratio, peak_mb=memories, peak_mb_is=kind,
            rounds=arguments.rounds, iterations=arguments.iterations, all_seconds=seconds,
            config=arguments.config, **provenance(ROOT),
        )  # fmt: skip
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")
        print(f"Wrote {arguments.out}")


if __name__ == "__main__":
    main()
