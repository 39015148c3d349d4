r"""Quantise the classifier of a run to int8 on the CPU, and compare it with the float network.

Post-training static quantisation by torch.ao: the ranges of activations are measured on the images
of the first validation batches, without labels; weights have a scale for each channel. Accuracy is
that on all validation images. Example, after the quickstart:

  python projects/int8_student/quantize_student.py work_dirs/quickstart/erkd_seed0
"""

import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.logging import MMLogger
from torch import Tensor, nn
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from mmkd.benchmark.evaluated import load_run, validation_loader
from mmkd.compat.archives import CheckpointError
from mmkd.engine.safety import trust_argument

TOOL = "projects/int8_student/quantize_student.py"


class Classifier(nn.Module):
    """The parts of mmpretrain's classifier that compute logits, without its data samples."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone, self.neck, self.fc = network.backbone, network.neck, network.head.fc

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, C) of normalised images (N, 3, H, W)."""
        logits: Tensor = self.fc(self.neck(self.backbone(images))[-1])
        return logits


@torch.no_grad()
def quantized(network: nn.Module, batches: Sequence[Tensor]) -> nn.Module:
    """Return an int8 copy of a network in eval mode, whose ranges were measured on batches."""
    prepared = prepare_fx(network, get_default_qconfig_mapping("x86"), (batches[0],))
    for images in batches:
        prepared(images)
    return convert_fx(prepared)


@torch.no_grad()
def report(name: str, network: nn.Module, batches: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Print accuracy, size and time of a network, and return its predictions (N,)."""
    begun = time.perf_counter()
    predictions = torch.cat([network(images).argmax(1) for images, _ in batches])
    seconds = time.perf_counter() - begun
    labels = torch.cat([labels for _, labels in batches])
    size = sum(len(part.numpy().tobytes()) for part in tensors(network.state_dict()))
    accuracy = 100 * predictions.eq(labels).double().mean()
    milliseconds = 1e3 * seconds / len(labels)
    print(f"{name:8} {accuracy:10.2f} {size / 1e3:10.1f} {milliseconds:12.3f}")
    return predictions


def tensors(state: dict[str, Any]) -> list[Tensor]:
    """Return the values of a state dict, those of quantised weights as integers."""
    found = []
    for value in state.values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Tensor):
                found.append(part.int_repr() if part.is_quantized else part)
    return found


def parse_arguments() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="work folder of the run")
    parser.add_argument("--checkpoint", type=Path, help="by default the newest one in the folder")
    parser.add_argument("--calibrate", type=int, default=4, help="batches that give the ranges")
    parser.add_argument("--out", type=Path, help="by default int8.pt in the folder")
    trust_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Quantise, compare, and write the int8 network as TorchScript."""
    arguments = parse_arguments()
    MMLogger.get_instance("mmengine", log_level="ERROR")  # without this all built parts are listed
    try:
        run = load_run(arguments.folder, arguments.checkpoint, arguments.trust_checkpoint)
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")
    network: Any = run.network.cpu()
    batches = []
    for data in validation_loader(run.config):
        batch = network.data_preprocessor(data, False)
        labels = torch.cat([sample.gt_label for sample in batch["data_samples"]])
        batches.append((batch["inputs"], labels))
    whole = Classifier(network).eval()
    small = quantized(whole, [images for images, _ in batches[: arguments.calibrate]])
    print(f"{'':8} {'accuracy %':>10} {'kB':>10} {'ms an image':>12}")
    same = report("float32", whole, batches).eq(report("int8", small, batches)).sum()
    out = arguments.out or arguments.folder / "int8.pt"
    torch.jit.trace(small, batches[0][0]).save(str(out))
    print(f"{same} of {sum(len(labels) for _, labels in batches)} predictions agree. Wrote {out}")


if __name__ == "__main__":
    main()
