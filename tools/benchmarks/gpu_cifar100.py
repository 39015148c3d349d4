"""Train a cell of CIFAR-100 at full size on a GPU, in phases of limited time.

`pack` writes the data set in files of at most 60 MB, which can be copied one by one. `train` trains
the pair's teacher, and then all methods and seeds as one cohort, which shares the teacher's
forward. It ends when its time is over, continues from there in the next call, and writes
gpu_cifar100.json each time. The recipe is the literature's (RepDistiller, mdistiller): 240 epochs,
batches of 64, SGD with a learning rate of 0.05 that is divided by 10 after 62.5, 75 and 87.5 % of
the epochs. The incomplete last batch of an epoch is left out. Accuracies are those on the test
images after the last epoch. On a CPU use --plain, which trains without bfloat16 and CUDA graphs.

Example:
  python tools/benchmarks/gpu_cifar100.py pack --data-root data/cifar100 --parts work_dirs/parts
  python tools/benchmarks/gpu_cifar100.py train --parts work_dirs/parts --pair wrn_40_2_wrn_16_2
"""

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpretrain.datasets import BaseDataset
from torch import Tensor, nn

from mmkd.compat.machine import provenance
from mmkd.composition.composing import compose
from mmkd.datasets import CIFAR100
from mmkd.distillers import Cohort
from mmkd.loading.device_images import DeviceImages
from mmkd.networks.building import build_network, network_config
from mmkd.registry import DATASETS, MODELS

sys.path.insert(0, str(Path(__file__).parent))
from gpu_training import EpochImages, Options, Training
from random_images import CONFIG

ROOT = Path(__file__).resolve().parents[2]
PAIRS = ("wrn_40_2_wrn_16_2", "resnet32x4_resnet8x4")
PART = 15_000  # images, 46 MB
FALLS = (0.625, 0.75, 0.875)  # of the epochs, where the rate falls
SAVED = 20  # epochs between two saved states


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["pack", "train"])
    parser.add_argument("--data-root", default="data/cifar100", help="in a layout of mmkd.CIFAR100")
    parser.add_argument("--parts", type=Path, required=True, help="folder of the packed data")
    parser.add_argument("--pair", choices=PAIRS, default=PAIRS[0])
    parser.add_argument("--methods", nargs="+", default=["kd", "erkd", "eakd"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=240)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--plain", action="store_true", help="float32 without a CUDA graph")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--state", type=Path, default=Path("work_dirs/gpu_cifar100"))
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    return parser.parse_args()


def pack(arguments: Namespace) -> None:
    """Write the images and labels of both splits in parts."""
    arguments.parts.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        samples = CIFAR100(arguments.data_root, split, pipeline=[]).load_data_list()
        for number, begin in enumerate(range(0, len(samples), PART)):
            part = samples[begin : begin + PART]
            np.savez_compressed(
                arguments.parts / f"{split}_{number}.npz",
                images=np.stack([sample["img"] for sample in part]),
                labels=np.array([sample["gt_label"] for sample in part]),
            )


@DATASETS.register_module()
class PackedImages(BaseDataset):
    """Images of the parts of a split.

    Args:
        parts: Folder of the parts.
        split: ``'train'`` or ``'test'``.
        **arguments: Arguments of mmpretrain's ``BaseDataset``.
    """

    def __init__(self, parts: Path, split: str, **arguments: Any) -> None:
        self.files = sorted(parts.glob(f"{split}_*.npz"))
        if not self.files:
            raise SystemExit(f"{parts} has no {split}_*.npz: write them by `pack`.")
        super().__init__(ann_file="", **arguments)

    def load_data_list(self) -> list[dict[str, Any]]:
        found = []
        for file in self.files:
            with np.load(file, allow_pickle=False) as part:
                images, labels = part["images"], part["labels"]
            for image, label in zip(images, labels.tolist(), strict=True):
                found.append(dict(img=image, gt_label=label))
        return found


def packed(arguments: Namespace, split: str) -> DeviceImages:
    pipeline = CONFIG.train_pipeline if split == "train" else CONFIG.test_pipeline
    scoped = [{**transform, "_scope_": "mmpretrain"} for transform in pipeline]
    return DeviceImages(PackedImages(arguments.parts, split, pipeline=scoped), arguments.device)


class Phase:
    """Training in parts of limited time; each call continues where the last one ended.

    Args:
        folder: Folder of its state.
        training: The training.
    """

    def __init__(self, folder: Path, training: Training) -> None:
        self.folder, self.training = folder, training
        folder.mkdir(parents=True, exist_ok=True)
        self.done = 0
        if (note := folder / "epochs.txt").is_file():
            self.done = int(note.read_text())
            for name, model in training.models.items():
                state = torch.load(self._file(name), map_location=training.device)
                model.load_state_dict(state["state_dict"])
                training.optimizers[name].load_state_dict(state["optimizer"])

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}_{self.done}.pth"

    def save(self) -> None:
        """Write the state, then its number, and remove the previous state."""
        old = [*self.folder.glob("*.pth")]
        for name, model in self.training.models.items():
            optimizer = self.training.optimizers[name].state_dict()
            torch.save(dict(state_dict=model.state_dict(), optimizer=optimizer), self._file(name))
        (self.folder / "epochs.new").write_text(str(self.done))
        (self.folder / "epochs.new").replace(self.folder / "epochs.txt")
        for file in {*old} - {self._file(name) for name in self.training.models}:
            file.unlink()

    def run(self, data: EpochImages, epochs: int, size: int, until: float) -> float | None:
        """Train, and return the mean seconds of an epoch, or ``None`` if there was none to train.

        Args:
            data: The training images.
            epochs: Epochs in all.
            size: Images in a batch.
            until: Time at which no further epoch begins.
        """
        begun, first, longest = time.monotonic(), self.done, 0.0
        while self.done < epochs and (self.done == first or time.monotonic() + longest < until):
            started = time.monotonic()
            self.training.set_rate(0.05 * 0.1 ** sum(self.done >= part * epochs for part in FALLS))
            for images, labels in data.batches(self.done, size):
                self.training.step(images, labels)
            self.training.losses.tolist()  # waits for the epoch's end
            longest = max(longest, time.monotonic() - started)
            self.done += 1
            if self.done % SAVED == 0 and self.done < epochs:
                self.save()
        if self.done == first:
            return None
        self.save()
        return (time.monotonic() - begun) / (self.done - first)


def trained(arguments: Namespace, models: dict[str, nn.Module]) -> Training:
    options = Options(compiled=arguments.compile)
    if not arguments.plain:
        options = Options(half=True, compiled=arguments.compile, graph=True)
    size, pixels = arguments.batch_size, CONFIG.data_preprocessor
    return Training(models, size, pixels, arguments.device, options)


def teacher_of(arguments: Namespace, spec: str) -> dict[str, nn.Module]:
    """Return the teacher before its training."""
    torch.manual_seed(0)
    model: Any = build_network(network_config(spec))
    model.init_weights()
    return dict(teacher=model)


def students_of(arguments: Namespace, settings: dict[str, Any], file: Path) -> dict[str, nn.Module]:
    """Return the members of the cohort, of all methods and seeds, before their training."""
    members = {}
    for method in arguments.methods:
        own = compose(str(_pair(arguments)), [], [method]).model.to_dict()
        for name in ("type", "teacher", "teachers", "data_preprocessor"):
            own.pop(name, None)
        for seed in range(arguments.seeds):
            members[f"{method}_{seed}"] = dict(own, seed=seed)
    cohort: Cohort = MODELS.build(
        dict(
            type="mmkd.Cohort",
            members=members,
            teacher=dict(model=settings["model"], checkpoint=str(file)),
            data_preprocessor=CONFIG.data_preprocessor.to_dict(),
        )
    )
    cohort.init_weights()
    return {**cohort.to(arguments.device).members}


def _pair(arguments: Namespace) -> Path:
    return ROOT / f"configs/_base_/pairs/{arguments.pair}_cifar100.py"


def train(arguments: Namespace) -> None:
    """Train teacher and students for the given time, and write the results so far."""
    until = time.monotonic() + 60 * arguments.minutes
    settings = compose(str(_pair(arguments)), [], ["kd"]).model.to_dict()["teacher"]
    folder = arguments.state / arguments.pair
    data, test = EpochImages(packed(arguments, "train")), packed(arguments, "test")
    rows = torch.arange(len(test), device=test.labels.device)
    images, labels = test.augmented(rows, np.zeros(len(test), np.int64)), test.labels
    path = folder / "result.json"
    result: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    result |= dict(provenance(ROOT), pair=arguments.pair, epochs=arguments.epochs)
    seconds: float | None = None
    for name in ("teacher", "students"):
        if seconds is not None and time.monotonic() > until:
            break
        file = folder / f"teacher/teacher_{arguments.epochs}.pth"
        models = (
            teacher_of(arguments, settings["model"])
            if name == "teacher"
            else students_of(arguments, settings, file)
        )
        phase = Phase(folder / name, trained(arguments, models))
        seconds = phase.run(data, arguments.epochs, arguments.batch_size, until)
        found = result.setdefault(name, {})
        found |= dict(epochs=phase.done) | (dict(seconds_an_epoch=seconds) if seconds else {})
        if phase.done == arguments.epochs:
            found["accuracy"] = summary(phase.training, images, labels)
        for target in (path, arguments.out / "gpu_cifar100.json"):
            target.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{arguments.pair}, {name}: {found}", flush=True)
        if phase.done < arguments.epochs:
            break


def summary(training: Training, images: Tensor, labels: Tensor) -> dict[str, Any]:
    """Return the accuracies in percent by method, with mean and standard deviation over seeds."""
    found: dict[str, list[float]] = {}
    for name, accuracy in training.accuracies(images, labels).items():
        found.setdefault(name.rpartition("_")[0] or name, []).append(100 * accuracy)
    return {
        method: dict(each=each, mean=mean(each), deviation=stdev(each) if len(each) > 1 else None)
        for method, each in found.items()
    }


def main() -> None:
    arguments = parse_arguments()
    MMLogger.get_instance("mmengine", log_level="ERROR")
    init_default_scope("mmpretrain")
    torch.backends.cudnn.benchmark = True
    (pack if arguments.task == "pack" else train)(arguments)


if __name__ == "__main__":
    main()
