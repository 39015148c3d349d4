r"""Measure the cost of distillation in a training step.

One process measures in turns a step of the plain student, the teachers' forward as far as training
runs it, and a step of online distillation. Online distillation costs at least the student's step
plus the teachers' forward; the ratio to that sum is the overhead of the toolbox. For detectors the
tool also measures the teachers' whole prediction, with proposals and post-processing. No checkpoint
is read. The images are random, unless --from-data takes them from the training data. The learning
rate is 0, because random weights could diverge, and a detector's proposals depend on the weights.

Examples:
  python tools/benchmarks/step_time.py configs/kd/resnet20_resnet8_w8_fmnist8k.py
  python tools/benchmarks/step_time.py configs/erkd/fasterrcnn_r101_r18_coco.py \
      --input-shape 3 800 1344 --against configs/kd/fasterrcnn_r101_r18_coco.py
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner.amp import autocast
from torch import nn

from mmkd.benchmark.parts import recorded, without_weights
from mmkd.benchmark.random_batch import random_batch
from mmkd.benchmark.timing import Step, measure, training_step
from mmkd.compat.machine import provenance
from mmkd.compat.mmcv_ops import allow_bfloat16
from mmkd.distillers import Distiller
from mmkd.engine import use_mixed_precision
from mmkd.loading import build_loader
from mmkd.networks.building import build_network
from mmkd.networks.student import student_model
from mmkd.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "student": "student's step",
    "teacher": "teachers' forward",
    "whole": "teachers' prediction",
    "distillation": "online distillation's step",
}
SIZES = ("VmRSS:", "VmHWM:")
RESET_PEAK = Path("/proc/self/clear_refs")


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+", help="paths or names of distillation configs")
    parser.add_argument(
        "--against",
        metavar="CONFIG",
        help="another distillation, whose step is measured too, and with which each is compared",
    )
    parser.add_argument("--batch-size", type=int, help="by default the config's")
    parser.add_argument(
        "--input-shape",
        type=int,
        nargs=3,
        metavar=("C", "H", "W"),
        help="by default the config's model.input_shape",
    )
    parser.add_argument("--boxes", type=int, default=8, help="in each random image of a detector")
    parser.add_argument(
        "--from-data",
        action="store_true",
        help="measure on the first batch of the config's training data, not on random images",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=10, help="of each part in a round")
    parser.add_argument("--amp", action="store_true", help="use automatic mixed precision")
    parser.add_argument("--out", type=Path, help="file for the result as JSON")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="as of tools/train.py")
    parser.add_argument(
        "--memory-of", choices=PARTS, help="print one part's peak memory in MB, and end"
    )
    return parser.parse_args()


def read_config(name: str, arguments: Namespace) -> Config:
    config = Config.fromfile(name)
    config.merge_from_dict(arguments.cfg_options or {})
    if config.model.type.rpartition(".")[2] != "Distiller":
        sys.exit(f"{name} has no mmkd.Distiller: there is no distillation to measure.")
    if config.get("default_scope") not in ("mmpretrain", "mmdet"):
        sys.exit("Only configs with default_scope 'mmpretrain' or 'mmdet' can be measured.")
    teachers = (config.model.get("teachers") or dict(one=config.model.teacher)).values()
    for teacher in teachers:
        teacher.checkpoint = None  # the values of the weights do not change the time
        teacher.model = without_weights(teacher.model)
    config.model.student = without_weights(config.model.student)
    if arguments.batch_size:
        config.train_dataloader.batch_size = arguments.batch_size
    if arguments.amp:
        use_mixed_precision(config)
    return config


def batch(config: Config, arguments: Namespace, student: nn.Module) -> dict[str, Any]:
    """Return images with labels, in the form of a data loader's batch."""
    if arguments.from_data:
        data: dict[str, Any] = next(iter(build_loader(config.train_dataloader, seed=0)))
        return data
    shape = arguments.input_shape or config.model.get("input_shape")
    if shape is None:
        sys.exit("The config has no model.input_shape: give --input-shape C H W.")
    return random_batch(student, config.train_dataloader.batch_size, shape, arguments.boxes)


def teacher_forward(distiller: Distiller, data: dict[str, Any], amp: bool) -> Step:
    """Return the forward of all teachers, on the inputs of a distillation step."""
    batch = distiller.data_preprocessor(data, True)
    with recorded(distiller) as teachers, torch.no_grad(), autocast(enabled=amp):
        distiller(**batch, mode="loss")
    calls = [one.call for one in teachers.values() if hasattr(one, "call")]

    def forward() -> None:
        with autocast(enabled=amp):
            for call in calls:
                call()

    return forward


def teacher_prediction(distiller: Distiller, data: dict[str, Any], amp: bool) -> Step:
    """Return the prediction of all teachers, from the images to the detected boxes."""
    batch = distiller.data_preprocessor(deepcopy(data), True)  # the prediction is written into it

    def predict() -> None:
        with autocast(enabled=amp):
            for teacher in distiller.teachers.values():
                teacher.predict(**batch)

    return predict


def build_steps(config: Config, arguments: Namespace, parts: list[str]) -> dict[str, Step]:
    """Build only the steps that are measured."""
    init_default_scope(config.default_scope)
    device, steps = get_device(), {}
    preprocessor = config.get("data_preprocessor")
    preprocessor = None if preprocessor is None else preprocessor.to_dict()
    if "student" in parts:
        spec = config.model.to_dict()["student"]
        student = build_network(student_model(spec, preprocessor)).to(device)
        student.init_weights()
        steps["student"] = training_step(student, config, batch(config, arguments, student))
    if set(parts) - {"student"}:
        torch.manual_seed(0)  # --against has the same weights and images, and about the same RoIs
        settings = config.model.to_dict()
        if preprocessor is not None:
            settings.setdefault("data_preprocessor", preprocessor)
        distiller = MODELS.build(settings).to(device)
        if arguments.amp:
            allow_bfloat16()  # as the optimizer's wrapper does, which is missing for teachers alone
        data = batch(config, arguments, distiller.student)
        if "teacher" in parts:
            steps["teacher"] = teacher_forward(distiller, data, arguments.amp)
        if "whole" in parts:
            steps["whole"] = teacher_prediction(distiller, data, arguments.amp)
        if "distillation" in parts:
            distiller.init_weights()
            steps["distillation"] = training_step(distiller, config, data)
    return {part: steps[part] for part in parts}


def resident() -> dict[str, float]:
    """Return this process's memory in MB, current (VmRSS) and peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = (line.split()[:2] for line in lines if line.startswith(SIZES))
    return {name: int(size) / 1024 for name, size in found}


def own_memory(config: Config, arguments: Namespace) -> float:
    """Return the peak memory in MB of one part alone in this process.

    On a GPU this is the memory that PyTorch allocated; on a CPU it is the growth of the process.
    """
    # Memory of imports and of building does not count.
    import_module(f"{config.default_scope}.models")
    before = resident()["VmRSS:"]
    steps = build_steps(config, arguments, [arguments.memory_of])
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    RESET_PEAK.write_text("5")
    for _ in range(3):
        steps[arguments.memory_of]()
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resident()["VmHWM:"] - before


def memory_of(part: str, name: str, arguments: Namespace) -> float:
    """Return the peak memory of a config's part, measured in a separate process."""
    left_out = *arguments.configs, "--against", arguments.against
    words = [word for word in sys.argv if word not in left_out]
    command = [sys.executable, words[0], name, *words[1:], "--memory-of", part]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout.splitlines()[-1])


def measured(name: str, arguments: Namespace) -> dict[str, Any]:
    """Measure the parts of a config, print them, and return them."""
    config = read_config(name, arguments)
    parts = [part for part in PARTS if part != "whole" or config.default_scope == "mmdet"]
    steps = build_steps(config, arguments, parts)
    memories = {part: memory_of(part, name, arguments) for part in parts}
    if arguments.against:
        other = build_steps(read_config(arguments.against, arguments), arguments, ["distillation"])
        steps["against"] = other["distillation"]
        memories["against"] = memory_of("distillation", arguments.against, arguments)
    seconds = measure(steps, arguments.rounds, arguments.iterations)
    medians = {part: median(values) for part, values in seconds.items()}
    bound = medians["student"] + medians["teacher"]
    ratio = medians["distillation"] / bound
    print(f"{name}\n{'':28} {'median ms':>10} {'min ms':>10} {'peak MB':>10}")
    for part in steps:
        fastest = min(seconds[part]) * 1e3
        title = PARTS.get(part, "the step of --against")
        print(f"{title:28} {medians[part] * 1e3:10.2f} {fastest:10.2f} {memories[part]:10.0f}")
    print(f"{'student + teachers':28} {bound * 1e3:10.2f}")
    print(f"Online distillation takes {ratio:.3f} of student + teachers.", flush=True)
    result = dict(seconds=medians, bound=bound, ratio=ratio, peak_mb=memories, all_seconds=seconds)
    if arguments.against:
        result["against"] = medians["distillation"] / medians["against"]
        print(f"It takes {result['against']:.3f} of the step of {arguments.against}.", flush=True)
    return result


def main() -> None:
    arguments = parse_arguments()
    # without this every initialised weight is listed
    MMLogger.get_instance("mmengine", log_level="ERROR")
    if arguments.memory_of:
        [name] = arguments.configs
        print(own_memory(read_config(name, arguments), arguments))
        return
    results = {name: measured(name, arguments) for name in arguments.configs}
    kind = "GPU memory" if torch.cuda.is_available() else "growth of the process"
    print(f"Peak MB: {kind}.")
    if arguments.out:
        result = dict(
            configs=results, peak_mb_is=kind, rounds=arguments.rounds,
            iterations=arguments.iterations, **provenance(ROOT),
        )  # fmt: skip
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")
        print(f"Wrote {arguments.out}")


if __name__ == "__main__":
    main()
