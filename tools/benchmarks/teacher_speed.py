"""Measure the options of a teacher that make it cheaper, with taps at its logits and at its stages.

For each network and position of the taps one process measures in turns the network's forward
without options and with each of the options in `VARIANTS`. The last row shows the limit of the
machine: the folded network in bfloat16, compiled by torch, without a Teacher and its taps. No
checkpoint is read, and the images are random. With --step the tool also measures a whole training
step of a distillation config, as it is and compiled by torch.compile, as with `compile=True` of
MMEngine's Runner.

Example:
  python tools/benchmarks/teacher_speed.py --rounds 3 --out work_dirs/teacher_speed.md
"""

import json
import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmkd.benchmark.random_batch import random_batch
from mmkd.benchmark.timing import Step, measure, training_step
from mmkd.compat.machine import provenance
from mmkd.networks.building import build_network, network_config
from mmkd.networks.taps import flat
from mmkd.registry import MODELS
from mmkd.teachers import Teacher

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = [
    "mmkd::_base_/models/cifar/resnet32x4.py,32,32",
    "mmpretrain::deit/deit-tiny_4xb256_in1k.py,4,224",
    "mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py,2,224",
]
HALF: dict[str, Any] = dict(dtype="bfloat16", memory_format="channels_last")
VARIANTS: dict[str, dict[str, Any]] = {
    "as written": {},
    "folded": dict(fold_bn=True),
    "folded, compiled": dict(fold_bn=True, compile=True),
    "bfloat16, channels_last, folded": dict(HALF, fold_bn=True),
    "speed='fast': and compiled": dict(HALF, fold_bn=True, compile=True),
}
ALONE = "bfloat16, folded and compiled, by torch alone"
PLACES = ("@logits", "@stages")


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "networks",
        nargs="*",
        default=NETWORKS,
        metavar="CONFIG,BATCH,SIZE",
        help=f"networks, with the number and the size of the images; by default {NETWORKS}",
    )
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=[*VARIANTS])
    parser.add_argument("--step", metavar="CONFIG,BATCH,SIZE", help="a distillation config")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=4, help="of each variant in a round")
    parser.add_argument("--out", type=Path, help="table (.md); .json beside it")
    return parser.parse_args()


def parse_run(text: str) -> tuple[str, int, tuple[int, int, int]]:
    """Return a config, the number of images, and their shape."""
    config, batch, size = text.rsplit(",", 2)
    return config, int(batch), (3, int(size), int(size))


def teacher_seconds(text: str, place: str, arguments: Namespace) -> dict[str, list[float]]:
    """Return the seconds of a network's forwards with taps at a place, by variant."""
    config, batch, shape = parse_run(text)
    torch.manual_seed(0)
    network = build_network(network_config(config))
    network.init_weights()
    vary_statistics(network)
    weights = network.state_dict()
    images = torch.randn(batch, *shape, device=get_device())
    steps = {}
    for name in arguments.variants:
        copied = build_network(network_config(config))
        copied.load_state_dict(weights)
        teacher = Teacher(copied.to(get_device()), **VARIANTS[name])
        roles = teacher.find_roles(name, images)
        taps = flat(roles.taps[place[1:]])
        teacher.accelerate(images, taps)
        steps[name] = lambda teacher=teacher, taps=taps: teacher(images, None, taps)
        if VARIANTS[name] == dict(HALF, fold_bn=True):
            steps[ALONE] = by_torch_alone(deepcopy(teacher.network), images)
    return measure(steps, arguments.rounds, arguments.iterations)


def by_torch_alone(network: nn.Module, images: Tensor) -> Step:
    """Return the forward of a network in bfloat16 that torch has compiled as a whole."""

    @torch.compile
    def run(inputs: Tensor) -> Tensor:
        logits: Tensor = network(inputs, mode="tensor")
        return logits

    def forward() -> None:
        with torch.no_grad(), torch.autocast(images.device.type, torch.bfloat16):
            run(images.to(torch.bfloat16, memory_format=torch.channels_last))

    return forward


def vary_statistics(network: nn.Module) -> None:
    """Change the running statistics of batch norms from their initial values, as training does."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)


def step_seconds(text: str, arguments: Namespace) -> dict[str, list[float]]:
    """Return the seconds of a config's training steps: as they are, and compiled."""
    path, batch, shape = parse_run(text)
    config = Config.fromfile(path)
    init_default_scope(config.get("default_scope", "mmpretrain"))
    config.model.teacher.checkpoint = None
    config.model.setdefault("data_preprocessor", config.get("data_preprocessor"))
    steps = {}
    for name, compiled in (("step", False), ("step, compiled", True)):
        torch.manual_seed(0)
        model = MODELS.build(config.model).to(get_device())
        if compiled:
            model.train_step = torch.compile(model.train_step)
        data = random_batch(model.student, batch, shape)
        steps[name] = training_step(model, config, data)
    return measure(steps, arguments.rounds, arguments.iterations)


def table(result: dict[str, Any]) -> str:
    """Return the page of a result."""
    lines = [
        "# Teachers made cheaper",
        "",
        "Median milliseconds, and their share of the first row.",
    ]
    lines += ["The variants take turns in one process. The weights are random.", ""]
    for title, seconds in result["seconds"].items():
        base = median(next(iter(seconds.values())))
        lines += [f"| {title} | ms | share |", "| --- | ---: | ---: |"]
        for name, values in seconds.items():
            lines.append(f"| {name} | {1e3 * median(values):.1f} | {median(values) / base:.3f} |")
        lines.append("")
    packages = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    lines += [f"- Machine: {result['machine']}", f"- Versions: {packages}"]
    lines += [f"- Commit: `{result['commit']}`", f"- Command: `{result['command']}`", ""]
    return "\n".join(lines)


def main() -> None:
    arguments = parse_arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # without this every initialised weight is listed
    MMLogger.get_instance("mmengine", log_level="ERROR")
    result: dict[str, Any] = dict(seconds={}, **provenance(ROOT))
    for text in arguments.networks:
        config, batch, shape = parse_run(text)
        name = Path(config.rpartition("::")[2]).stem
        for place in PLACES:
            title = f"{name}, {batch} images of {shape[1]} x {shape[2]}, taps at {place}"
            result["seconds"][title] = teacher_seconds(text, place, arguments)
            write(result, arguments.out)
    if arguments.step:
        config, batch, shape = parse_run(arguments.step)
        title = f"training step of {config}, {batch} images of {shape[1]} x {shape[2]}"
        result["seconds"][title] = step_seconds(arguments.step, arguments)
        write(result, arguments.out)
    print(table(result))


def write(result: dict[str, Any], out: Path | None) -> None:
    """Write the results so far, so that an interrupted run keeps them."""
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(table(result))
        out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
