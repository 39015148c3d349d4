r"""Measure what a teacher store saves of a training step, and what building it costs.

These parts are measured in turns in one process: a step of the plain student, a step of online
distillation, a step with a store of the greatest logits, the teachers' forward alone, and the
building of records, from images in memory to the shard on the disk. Images and weights are random,
and the learning rate is 0. Loading the images of a step is not measured; it is the same for all
steps. On a CPU the times are processor time of this process, so that other programs matter little.

Examples:
  python tools/benchmarks/store_speed.py configs/kd/resnet32x4_resnet8x4_cifar100.py
  python tools/benchmarks/store_speed.py configs/kd/resnet32x4_resnet8x4_cifar100.py \
      --rounds 8 --iterations 5 --out work_dirs/store_speed.json
"""

import json
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger
from torch import nn

from mmkd.benchmark.parts import without_weights
from mmkd.benchmark.timing import Step, measure, training_step
from mmkd.compat.machine import provenance
from mmkd.networks.building import build_network, network_config
from mmkd.networks.student import student_model
from mmkd.randomness import load_by_position
from mmkd.registry import MODELS
from mmkd.store.building import StoreBuilder

sys.path.insert(0, str(Path(__file__).parent))
import random_images  # noqa: F401  (registers the images)

ROOT = Path(__file__).resolve().parents[2]
BATCHES = 2  # number of batches that take turns
PARTS = {
    "plain": "plain student's step",
    "online": "step with the teacher",
    "stored": "step on the store",
    "teacher": "teacher's bare forward",
    "build": "building the records",
}


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path of a distillation config for CIFAR-100")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--top-k", type=int, default=10, help="number of logits in a record")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=2, help="of each part in a round")
    parser.add_argument("--out", type=Path, help="file for the result as JSON")
    return parser.parse_args()


def read_config(arguments: Namespace, folder: Path) -> Config:
    """Return the config with random images and a file of random weights of its teacher."""
    config = Config.fromfile(arguments.config)
    config.log_level = "ERROR"
    config.work_dir = str(folder / "work")
    config.model.student = without_weights(config.model.student)
    teacher = config.model.teacher
    teacher.model = without_weights(teacher.model)
    teacher.checkpoint = str(folder / "teacher.pth")
    network = build_network(network_config(teacher.model))
    network.init_weights()
    torch.save(dict(state_dict=network.state_dict()), teacher.checkpoint)
    loader = config.train_dataloader
    loader.dataset = dict(
        type="mmkd.RandomImages",
        count=BATCHES * arguments.batch_size,
        pipeline=config.train_pipeline,
    )
    loader.update(batch_size=arguments.batch_size, num_workers=0, persistent_workers=False)
    return config


def turns(steps: Sequence[Step]) -> Step:
    """Return a step that runs the given steps in turns, one in each call."""
    endless = cycle(steps)
    return lambda: next(endless)()


def build_steps(config: Config, builder: StoreBuilder) -> dict[str, Step]:
    """Return the parts, each on the same batches."""
    recorder, device = builder.recorder, get_device()
    loader: Any = recorder.loader
    load_by_position(loader, 0, data_seed=recorder.loading.seed)
    batches = [*islice(loader, BATCHES)]
    preprocessor = config.data_preprocessor.to_dict()
    spec = config.model.to_dict()["student"]
    student = build_network(student_model(spec, preprocessor)).to(device)
    settings = dict(config.model.to_dict(), data_preprocessor=preprocessor)
    stored = MODELS.build(dict(settings, store=dict(path=str(builder.out)))).to(device)
    models: dict[str, nn.Module] = dict(plain=student, online=recorder.model, stored=stored)
    steps = {}
    for name, model in models.items():
        model.init_weights()
        steps[name] = turns([training_step(model, config, data) for data in batches])
    given = [recorder.model.data_preprocessor(data, True) for data in batches]
    [(name, teacher)] = recorder.teachers.items()
    taps = recorder.taps[name]

    def forward() -> None:
        for data in given:
            teacher(data["inputs"], data["data_samples"], taps)

    views = count(1)

    def build() -> None:
        recorder.write(builder.out, builder.manifest, [(next(views), 0)])

    return steps | dict(teacher=forward, build=build)


def main() -> None:
    arguments = parse_arguments()
    # without this every initialised weight is listed
    MMLogger.get_instance("mmengine", log_level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        config = read_config(arguments, Path(folder))
        builder = StoreBuilder(config, Path(folder) / "store", top_k=arguments.top_k, views=1)
        builder.build()
        size = builder.record_bytes
        steps = build_steps(config, builder)
        clock = time.perf_counter if torch.cuda.is_available() else time.process_time
        seconds = measure(steps, arguments.rounds, arguments.iterations, clock)
    medians = {part: median(values) for part, values in seconds.items()}
    ratios = {
        "step on the store / plain step": medians["stored"] / medians["plain"],
        "step with the teacher / step on the store": medians["online"] / medians["stored"],
        "building / bare forward, in images a second": medians["teacher"] / medians["build"],
    }
    images = BATCHES * arguments.batch_size
    for part, title in PARTS.items():
        print(f"{title:28} {medians[part] * 1e3:10.2f} ms")
    for name, ratio in ratios.items():
        print(f"{name:44} {ratio:8.3f}")
    print(f"{images / medians['build']:.0f} images/s are built, {size} bytes a record")
    if arguments.out:
        result = dict(
            seconds=medians, ratios=ratios, record_bytes=size, images=images,
            all_seconds=seconds, config=arguments.config, **provenance(ROOT),
        )  # fmt: skip
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")
        print(f"Wrote {arguments.out}")


if __name__ == "__main__":
    main()
