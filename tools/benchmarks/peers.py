"""Compare a KD step in mmkd with the same step in other libraries, in turns in one process.

The parts are a step written by hand, `mmkd.Distiller`, `mmkd.distill` in a plain loop, timm's
LogitDistillationTask and mmrazor's SingleTeacherDistill. All train the same networks on the same
random images, by the same optimizer at a learning rate of 0. Libraries that are not installed are
left out: `pip install timm`, `pip install --no-deps mmrazor==1.0.0 ordered-set joblib cloudpickle`.
On a CPU the times are processor time of this process.

Example:
  python tools/benchmarks/peers.py configs/kd/resnet32x4_resnet8x4_cifar100.py --rounds 8
"""

import json
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import mmcv
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.nn import functional

from mmkd import Distiller, distill
from mmkd.benchmark.parts import without_weights
from mmkd.benchmark.random_batch import random_batch
from mmkd.benchmark.timing import Step, measure, training_step
from mmkd.compat.machine import provenance
from mmkd.networks.building import build_network
from mmkd.networks.student import student_model

ROOT = Path(__file__).resolve().parents[2]
TEMPERATURE, CLASSES = 4.0, 100
KD = dict(loss=dict(type="mmkd.KDLoss", temperature=TEMPERATURE))


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path of a KD config for CIFAR-100: its networks are taken")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=1, help="of each part in a round")
    parser.add_argument("--out", type=Path, help="file for the result as JSON")
    return parser.parse_args()


class Logits(nn.Module):
    """A classifier of mmpretrain as a function of normalized images, with timm's attributes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.num_classes, self.in_chans = CLASSES, 3
        self.pretrained_cfg = dict(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images, mode="tensor")
        return logits


class Parts:
    """The steps of all libraries, on one batch.

    Args:
        config: A KD config.
        batch_size: Number of images.
    """

    def __init__(self, config: Config, batch_size: int) -> None:
        self.config = config
        self.student, self.teacher = (
            without_weights(spec) for spec in (config.model.student, config.model.teacher.model)
        )
        student, _ = self.networks()
        self.data = random_batch(student, batch_size, (3, 32, 32))
        self.preprocess = student.data_preprocessor

    def networks(self) -> tuple[Any, Any]:
        """Return a student and a teacher with the preprocessing of the config, new each time."""
        torch.manual_seed(0)
        student, teacher = (
            build_network(student_model(spec, self.config.data_preprocessor))
            for spec in (self.student, self.teacher)
        )
        return student, teacher

    def modules(self) -> tuple[Logits, Logits]:
        """Return the same networks as functions of images."""
        student, teacher = (Logits(network) for network in self.networks())
        return student.train(), teacher.eval()

    def loop(self, model: nn.Module, loss: Any) -> Step:
        """Return a plain training step of a model, which minimises `loss(images, labels)`."""
        optimizer = build_optim_wrapper(model, self.config.optim_wrapper).optimizer
        for group in optimizer.param_groups:
            group["lr"] = 0.0

        def step() -> Tensor:
            data = self.preprocess(self.data, True)
            labels = torch.cat([sample.gt_label for sample in data["data_samples"]])
            total: Tensor = loss(data["inputs"], labels)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            return total

        return step

    def by_hand(self) -> Step:
        student, teacher = self.modules()

        def loss(images: Tensor, labels: Tensor) -> Tensor:
            with torch.no_grad():
                target = (teacher(images) / TEMPERATURE).log_softmax(1)
            logits = student(images)
            ours = (logits / TEMPERATURE).log_softmax(1)
            kd = functional.kl_div(ours, target, reduction="batchmean", log_target=True)
            return functional.cross_entropy(logits, labels) + TEMPERATURE**2 * kd

        return self.loop(student, loss)

    def distiller(self) -> Step:
        student, teacher = self.networks()
        model = Distiller(student, terms=dict(kd=KD), teacher=teacher)
        return training_step(model, self.config, self.data)

    def distill(self) -> Step:
        student, teacher = self.modules()
        example = torch.zeros(2, 3, 32, 32)
        model = distill(student, teacher, terms=dict(kd=KD), example=example).train()
        return self.loop(model, lambda images, labels: model(images, labels)["loss"])

    def timm(self) -> Step:
        from timm.task import LogitDistillationTask

        student, teacher = self.modules()
        settings = dict(criterion=nn.CrossEntropyLoss(), temperature=TEMPERATURE, verbose=False)
        task = LogitDistillationTask(student, teacher, distill_loss_weight=1.0, **settings)
        for parameter in task.teacher.parameters():
            parameter.requires_grad_(False)  # timm's script trains the parameters of the student
        task.train()
        return self.loop(task, lambda images, labels: task(images, labels)["loss"])

    def mmrazor(self) -> Step:
        with older_versions():
            import mmrazor.engine
            import mmrazor.models
        output = dict(fc=dict(type="ModuleOutputs", source="head.fc"))
        loss = dict(type="KLDivergence", tau=TEMPERATURE, loss_weight=1)
        places = dict(
            preds_S=dict(from_student=True, recorder="fc"),
            preds_T=dict(from_student=False, recorder="fc"),
        )
        student, teacher = self.networks()
        model = mmrazor.models.SingleTeacherDistill(
            architecture=student,
            teacher=teacher,
            data_preprocessor=student.data_preprocessor,
            distiller=dict(
                type="ConfigurableDistiller",
                _scope_="mmrazor",
                student_recorders=output,
                teacher_recorders=output,
                distill_losses=dict(loss_kl=loss),
                loss_forward_mappings=dict(loss_kl=places),
            ),
        )
        return training_step(model, self.config, self.data)


@contextmanager
def older_versions() -> Iterator[None]:
    """Report to mmrazor 1.0.0, while it is imported, the package versions that it requires."""
    versions = mmcv.__version__, torch.__version__
    mmcv.__version__, torch.__version__ = "2.1.0", "1.12.1"
    try:
        yield
    finally:
        mmcv.__version__, torch.__version__ = versions


def main() -> None:
    arguments = parse_arguments()
    MMLogger.get_instance("peers", log_level="ERROR")
    torch.manual_seed(0)
    config = Config.fromfile(arguments.config)
    init_default_scope(config.default_scope)
    parts = Parts(config, arguments.batch_size)
    steps = {
        "a step written by hand": parts.by_hand(),
        "mmkd.Distiller, MMEngine's step": parts.distiller(),
        "mmkd.distill, plain loop": parts.distill(),
    }
    for name, label in (("timm", "timm's LogitDistillationTask"), ("mmrazor", "mmrazor")):
        if find_spec(name):
            steps[label] = getattr(parts, name)()
        else:
            print(f"{name} is not installed: its row is left out.")
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    seconds = measure(steps, arguments.rounds, arguments.iterations, clock)
    first, *_ = (median(times) for times in seconds.values())
    for name, times in seconds.items():
        print(f"{name:34}{1e3 * median(times):9.1f} ms {median(times) / first:7.3f}")
    if arguments.out:
        result = dict(config=arguments.config, seconds=seconds, **provenance(ROOT))
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
