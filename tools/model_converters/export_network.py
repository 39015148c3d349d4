r"""Export the student of a run to ONNX or TorchScript, and compare the file with the network.

The exported network takes images (N, C, H, W) of any number N that are normalised as in training,
and returns the logits of a classifier or the maps of a single-stage detector's head. The tool runs
the file on validation images, and prints the largest difference between its outputs and those of
the network; a difference of 1e-3 or more is an error. Examples:

  python tools/model_converters/export_network.py work_dirs/erkd_my_student
  python tools/model_converters/export_network.py work_dirs/erkd_my_student --format torchscript
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.logging import MMLogger
from torch import Tensor, nn

from mmkd.benchmark.evaluated import Trained, load_run, validation_loader
from mmkd.compat.archives import CheckpointError
from mmkd.engine.safety import trust_argument

TOOL = "tools/model_converters/export_network.py"
ENDINGS = {"onnx": ".onnx", "torchscript": ".pt"}
LARGEST = 1e-3  # differences by rounding in float32 are much smaller


class Outputs(nn.Module):
    """Network that returns another network's raw output as a flat tuple of tensors."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(flat(self.network(images, mode="tensor")))


def flat(output: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested lists and tuples."""
    if isinstance(output, Tensor):
        yield output
    else:
        for item in output:
            yield from flat(item)


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="work folder of the run")
    parser.add_argument("--checkpoint", type=Path, help="by default the newest one in the folder")
    parser.add_argument("--format", choices=[*ENDINGS], default="onnx")
    parser.add_argument("--images", type=int, default=8, help="how many are compared")
    parser.add_argument("--out", type=Path, help="by default beside the checkpoint")
    trust_argument(parser)
    return parser.parse_args()


def validation_images(run: Trained, count: int) -> Tensor:
    """Return the first validation images as the network takes them, (N, C, H, W)."""
    batch = next(iter(validation_loader(run.config)))
    images = run.network.data_preprocessor(batch, False)["inputs"]
    return images[:count]


def write(network: nn.Module, images: Tensor, path: Path) -> None:
    """Write the network in the format of the file's name."""
    if path.suffix == ENDINGS["onnx"]:
        batch = torch.export.Dim("batch")
        shapes = {"images": {0: batch}}
        # An example of one image would make the number of images a constant.
        example = images if len(images) > 1 else images.repeat(2, 1, 1, 1)
        program = torch.onnx.export(network, (example,), dynamo=True, dynamic_shapes=shapes)
        program.save(str(path))
    else:
        torch.jit.trace(network, images).save(str(path))


def outputs_of(path: Path, images: Tensor) -> list[Tensor]:
    """Run an exported file on images; without ONNX Runtime, by onnx's slow reference evaluator."""
    if path.suffix != ENDINGS["onnx"]:
        return list(torch.jit.load(str(path))(images))
    if find_spec("onnxruntime"):
        import onnxruntime

        session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
    else:
        from onnx.reference import ReferenceEvaluator

        session = ReferenceEvaluator(str(path))
        name = session.input_names[0]
    return [torch.from_numpy(output) for output in session.run(None, {name: images.numpy()})]


@torch.no_grad()
def export(arguments: Namespace) -> str:
    """Write the file, and return a description of it."""
    run = load_run(arguments.folder, arguments.checkpoint, arguments.trust_checkpoint)
    path = arguments.out or run.path.with_suffix(ENDINGS[arguments.format])
    if path.suffix != ENDINGS[arguments.format]:
        raise ValueError(f"{path} should end with {ENDINGS[arguments.format]}.")
    network = Outputs(run.network.cpu()).eval()
    images = validation_images(run, arguments.images).cpu()
    path.parent.mkdir(parents=True, exist_ok=True)
    write(network, images, path)
    pairs = zip(outputs_of(path, images), network(images), strict=True)
    difference = max(float((one - other).abs().max()) for one, other in pairs)
    text = f"{path}: differs by {difference:.1e} at most on {len(images)} images"
    if not difference < LARGEST:
        raise ValueError(f"{text}, which is no rounding: do not use it.")
    return text


def main() -> None:
    arguments = parse_arguments()
    needed = ["onnx", "onnxscript"] if arguments.format == "onnx" else []
    if missing := [name for name in needed if not find_spec(name)]:
        sys.exit(f"{TOOL} needs {' and '.join(missing)}: pip install {' '.join(missing)}")
    MMLogger.get_instance("mmengine", log_level="ERROR")  # without this all built parts are listed
    try:
        print(export(arguments))
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")


if __name__ == "__main__":
    main()
