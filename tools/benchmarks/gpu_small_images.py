"""Compare KD of small images on a GPU by mmkd and by a plain PyTorch loop, in limited time.

Parts: `loop` is a loop as in public repositories, whose loader augments each image in worker
processes; `one` trains one student by mmkd on images in the GPU's memory, with several options;
`seeds` trains several students with one forward of the teacher, as one CUDA graph and stacked by
torch.func. The results are images per second and the time of a training of 240 epochs. They are
written to gpu_small_images.json after each measurement, so that an interrupted run keeps its
results. With --device cpu the tool itself can be tested without a GPU.

Example:
  python tools/benchmarks/gpu_small_images.py --minutes 9 --out "$OUT"
"""

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from mmkd.compat.machine import provenance
from mmkd.distillers import Cohort
from mmkd.loading.device_images import DeviceImages
from mmkd.registry import MODELS

sys.path.insert(0, str(Path(__file__).parent))
from gpu_training import EpochImages, Options, Training
from random_images import CONFIG, loader_of

ROOT = Path(__file__).resolve().parents[2]
KD = dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0), weight=0.9))
EPOCHS, IMAGES = 240, 50_000  # of a cell of the literature
MANNERS = {
    "float32": Options(),
    "float32, graph": Options(graph=True),
    "bfloat16": Options(half=True),
    "bfloat16, graph": Options(half=True, graph=True),
    "bfloat16, compiled": Options(half=True, compiled=True),
    "bfloat16, compiled, graph": Options(half=True, compiled=True, graph=True),
}


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    parser.add_argument("--student", default="resnet8x4", help="of configs/_base_/models/cifar")
    parser.add_argument("--teacher", default="resnet32x4")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=300, help="steps of a measurement")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=8, help="of the plain loop's loader")
    parser.add_argument("--manners", nargs="+", choices=MANNERS, default=[*MANNERS])
    return parser.parse_args()


def cohort_of(arguments: Namespace, seeds: int) -> Cohort:
    """Return students that learn by KD from one teacher with random weights."""
    member = dict(
        student=f"mmkd::_base_/models/cifar/{arguments.student}.py",
        terms=KD,
        student_loss_weight=0.1,
        input_shape=(3, 32, 32),
    )
    cohort: Cohort = MODELS.build(
        dict(
            type="mmkd.Cohort",
            members={f"seed{seed}": dict(member, seed=seed) for seed in range(seeds)},
            teacher=dict(model=f"mmkd::_base_/models/cifar/{arguments.teacher}.py"),
            data_preprocessor=CONFIG.data_preprocessor.to_dict(),
        )
    )
    cohort.init_weights()
    return cohort.to(arguments.device)


def seconds_of(run: Callable[[], Any], arguments: Namespace) -> float:
    """Return the seconds of a run on the device."""
    _wait(arguments)
    begun = time.perf_counter()
    run()
    _wait(arguments)
    return time.perf_counter() - begun


def _wait(arguments: Namespace) -> None:
    if arguments.device == "cuda":
        torch.cuda.synchronize()


class PlainImages(Dataset[tuple[Tensor, int]]):
    """Images that are cropped, flipped and normalised one by one."""

    def __init__(self, images: DeviceImages) -> None:
        self.images, self.labels = images.images.cpu().numpy(), images.labels.tolist()
        self.mean, self.std = (
            np.array(values, np.float32)
            for values in (CONFIG.data_preprocessor.mean, CONFIG.data_preprocessor.std)
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        padded = np.pad(self.images[index], ((4, 4), (4, 4), (0, 0)))
        top, left = torch.randint(0, 9, (2,)).tolist()
        image = padded[top : top + 32, left : left + 32]
        image = image[:, ::-1] if torch.rand(()) < 0.5 else image
        normalized = (image.astype(np.float32) - self.mean) / self.std
        return torch.from_numpy(normalized.transpose(2, 0, 1).copy()), self.labels[index]


def loop(arguments: Namespace, images: DeviceImages) -> dict[str, float]:
    """Measure a plain PyTorch loop."""
    model = cohort_of(arguments, 1).members["seed0"]
    student, teacher = model.student.train(), model.teachers["teacher"].network.eval()
    optimizer = torch.optim.SGD(student.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(
        PlainImages(images),
        arguments.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=arguments.workers,
        pin_memory=arguments.device == "cuda",
    )

    def train(batches: Any) -> None:
        for batch in batches:
            inputs, labels = (tensor.to(arguments.device, non_blocking=True) for tensor in batch)
            with torch.no_grad():
                target = (teacher(inputs, mode="tensor") / 4).softmax(1)
            logits = student(inputs, mode="tensor")
            soft = functional.kl_div((logits / 4).log_softmax(1), target, reduction="batchmean")
            loss = 0.1 * functional.cross_entropy(logits, labels) + 0.9 * 16 * soft
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()  # for the running mean that such loops print

    steps = min(arguments.steps, len(loader) - 1)
    stream = iter(loader)
    train(islice(stream, 1))
    return dict(seconds=seconds_of(lambda: train(islice(stream, steps)), arguments) / steps)


def trained(models: dict[str, nn.Module], arguments: Namespace, manner: str) -> Training:
    return Training(
        models, arguments.batch_size, CONFIG.data_preprocessor, arguments.device, MANNERS[manner]
    )


def measured(training: Training, data: EpochImages, arguments: Namespace) -> dict[str, float]:
    """Measure steps, with the augmentation of the epochs that begin among them."""
    epochs = (data.batches(epoch, arguments.batch_size) for epoch in count())
    batches = chain.from_iterable(epochs)

    def train(steps: int) -> None:
        for images, labels in islice(batches, steps):
            training.step(images, labels)

    warm = seconds_of(lambda: train(min(arguments.steps, 20)), arguments)
    found = dict(seconds=seconds_of(lambda: train(arguments.steps), arguments) / arguments.steps)
    return dict(found, warm_up=warm, loss=float(training.losses.mean()))


def one(arguments: Namespace, data: EpochImages, manner: str) -> dict[str, float]:
    """Measure one student in a manner."""
    models: dict[str, nn.Module] = {**cohort_of(arguments, 1).members}
    return measured(trained(models, arguments, manner), data, arguments)


def seeds(arguments: Namespace, data: EpochImages, manner: str) -> dict[str, float]:
    """Measure several students on one pass of the teacher, one after another in a step."""
    models: dict[str, nn.Module] = {**cohort_of(arguments, arguments.seeds).members}
    return measured(trained(models, arguments, manner), data, arguments)


class Stacked(Training):
    """Students of one architecture as one, by ``vmap`` over their stacked weights."""

    def __init__(self, cohort: Cohort, arguments: Namespace, manner: str) -> None:
        students: list[nn.Module] = [member.student for member in cohort.members.values()]
        self.base = students[0]
        teacher = next(iter(cohort.members.values())).teachers["teacher"]
        self.teacher = teacher.network.eval()
        weights, self.buffers = stack_module_state(students)
        self.weights = {name: weight.detach() for name, weight in weights.items()}
        holder = nn.Module()
        for number, weight in enumerate(self.weights.values()):
            holder.register_parameter(f"weight{number}", nn.Parameter(weight))
        size, pixels, device = arguments.batch_size, CONFIG.data_preprocessor, arguments.device
        super().__init__({"all": holder}, size, pixels, device, MANNERS[manner])
        self.base.train()
        self._gradients = vmap(grad(self._loss, has_aux=True), in_dims=(0, 0, None, None, None))

    def _loss(
        self, weights: Any, buffers: Any, images: Tensor, labels: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        state = (weights, buffers)
        logits = functional_call(self.base, state, (images,), dict(mode="tensor")).float()
        soft = functional.kl_div((logits / 4).log_softmax(1), target, reduction="batchmean")
        loss = 0.1 * functional.cross_entropy(logits, labels) + 0.9 * 16 * soft
        return loss, loss.detach()

    def _run(self) -> None:
        images = self.normalized(self._images)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.half):
            with torch.no_grad():
                target = (self.teacher(images, mode="tensor").float() / 4).softmax(1)
            gradients, losses = self._gradients(
                self.weights, self.buffers, images, self._labels, target
            )
        for parameter, gradient in zip(
            self.models["all"].parameters(), gradients.values(), strict=True
        ):
            parameter.grad = gradient
        self.optimizers["all"].step()
        self.losses[0] = losses.mean()


def stacked(arguments: Namespace, data: EpochImages, manner: str) -> dict[str, float]:
    """Measure several students whose weights are stacked."""
    training = Stacked(cohort_of(arguments, arguments.seeds), arguments, manner)
    return measured(training, data, arguments)


def report(found: dict[str, float], arguments: Namespace, models: int) -> dict[str, float]:
    """Add the images a second and the time of a cell of the literature, for all models."""
    each = arguments.batch_size / found["seconds"]
    return dict(
        found, models=models, images_per_second=each, cell_minutes=EPOCHS * IMAGES / each / 60
    )


def main() -> None:
    arguments = parse_arguments()
    MMLogger.get_instance("mmengine", log_level="ERROR")
    init_default_scope("mmpretrain")
    torch.backends.cudnn.benchmark = True
    result: dict[str, Any] = dict(provenance(ROOT), arguments=vars(arguments) | dict(out=None))
    images = DeviceImages(loader_of(arguments.images, 1).dataset, arguments.device)
    data, until = EpochImages(images), time.monotonic() + 60 * arguments.minutes
    tasks: list[tuple[str, int, Callable[[], dict[str, float]]]] = [
        ("loop", 1, lambda: loop(arguments, images))
    ]
    for manner in arguments.manners:
        tasks.append((f"one: {manner}", 1, lambda m=manner: one(arguments, data, m)))
    for manner in arguments.manners:
        for part in (seeds, stacked) if not MANNERS[manner].compiled else (seeds,):
            name = f"{part.__name__}: {manner}"
            tasks.append((name, arguments.seeds, lambda p=part, m=manner: p(arguments, data, m)))
    for name, models, run in tasks:
        try:
            late = time.monotonic() > until
            result[name] = "no time left" if late else report(run(), arguments, models)
        except Exception as error:  # one manner must not end the run
            result[name] = f"{type(error).__name__}: {error}"[:300]
        (arguments.out / "gpu_small_images.json").write_text(json.dumps(result, indent=1) + "\n")
        print(f"{name}: {result[name]}", flush=True)


if __name__ == "__main__":
    main()
