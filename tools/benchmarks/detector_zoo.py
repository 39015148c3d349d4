"""Train one distillation step of each of mmdet's detectors, by one method with default settings.

Each detector is both the student and, with other random weights, the teacher; images and boxes are
random. A cell of the table is "pass" if the step's losses are finite and not zero; "refused" if the
build ends with an error message for the user; "not built" if mmdet itself cannot build the detector
here, for instance because a package is missing; "stock" if mmcv lacks an operator that the detector
needs on this machine's device; "crash" in any other case.
Each cell is saved when it is filled, so that a stopped run can continue; --page writes the table.

Example:
  python tools/benchmarks/detector_zoo.py --cells work_dirs/zoo.json --page work_dirs/zoo.md
"""

import gc
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from torch import nn

from mmkd.benchmark.parts import without_weights
from mmkd.benchmark.random_batch import random_batch
from mmkd.composition.composing import settings_for
from mmkd.composition.kinds import KINDS
from mmkd.distillers import Step
from mmkd.networks.building import build_network
from mmkd.registry import MODELS

sys.path.insert(0, str(Path(__file__).parent))
from detector_configs import CONFIGS
from zoo_cells import Cells, mark, outcome, read_cells, words, wrapped, write_cells
from zoo_configs import path_of

SHAPE = (3, 128, 160)


def try_detector(name: str, method: str) -> str:
    """Distil a detector of mmdet into itself for one step on random weights and images."""
    for progress in ("epoch", "iter"):  # some losses ask for the progress that a Runner sets
        MessageHub.get_current_instance().update_info(progress, 0)
    torch.manual_seed(0)
    try:
        model = network_of(name)
        student, teacher = build_network(model), build_network(model)
    except Exception as error:
        return f"not built: {type(error).__name__}: {words(error)}"
    try:
        return train_step(student, teacher, method, shape_of(model))
    except ValueError as error:
        return outcome("refused", error)
    except Exception as error:
        return outcome(f"crash: {type(error).__name__}", error)


def network_of(name: str) -> dict[str, Any]:
    """Return the model of an mmdet config, without weights to download."""
    model = without_weights(str(path_of(f"mmdet::{name}.py")))
    model["data_preprocessor"].pop("batch_augments", None)
    model.pop("teacher_ckpt", None)  # the checkpoints of LAD and LD
    if "teacher_config" in model:
        path = path_of(f"mmdet::{model['teacher_config'].removeprefix('configs/')}")
        model["teacher_config"] = Config.fromfile(path)
    return {**model, "_scope_": "mmdet"}


def shape_of(model: dict[str, Any]) -> tuple[int, int, int]:
    """Return the shape of a small image that a network accepts; SSD's levels fit only one size."""
    size = model["backbone"].get("input_size")
    if model["type"] == "SingleStageDetector":
        size = size or 320
    elif model["type"] == "DDOD":  # its deformable convolutions take no level of 1 x 2
        size = 384
    elif "DINO" in model["type"]:  # their decoders choose 900 of all locations
        size = 256
    return SHAPE if size is None else (3, size, size)


def train_step(student: Any, teacher: Any, method: str, shape: tuple[int, int, int]) -> str:
    """Build the distiller, compute its losses and their gradients, and return the result."""
    settings = settings_for(student, [method])["model"]
    settings |= dict(type="mmkd.Distiller", student=student, teacher=dict(model=teacher))
    distiller = MODELS.build(dict(settings, input_shape=shape))
    steps: list[Step] = []
    distiller.observe(steps.append)
    distiller.init_weights()
    for network in (student, teacher):
        scale_by_weights(network)
    distiller.train()
    data = distiller.data_preprocessor(random_batch(student, 2, shape), True)
    losses = distiller(**data, mode="loss")
    terms = {name: losses[f"loss_{name}"] for name in settings["terms"]}
    for name, loss in terms.items():
        if steps[0].terms[name].empty or not loss.isfinite() or loss == 0:
            return f"crash: the loss of {name} is {loss.item()}, of nothing or not finite"
    sum(terms.values()).backward()
    return "pass"


def scale_by_weights(network: nn.Module) -> None:
    """Set the scales of DetectoRS's convolutions from their weights.

    mmdet does so when it loads weights without scales, such as those of ImageNet. With random
    weights the scales stay 1: in ResNet-50 a map then grows tenfold with each stage, the detector's
    outputs reach 2e7, and its own loss is not finite.
    """
    weights = network.state_dict()
    scales = [name for name in weights if name.endswith("weight_gamma")]
    if scales:
        network.load_state_dict({k: v for k, v in weights.items() if k not in scales}, False)


def page_of(cells: Cells, method: str) -> str:
    """Return the page with the table of all cells, and the messages of those that did not pass."""
    lines = [
        "# Detectors of mmdet by one flag",
        "",
        "`python tools/benchmarks/detector_zoo.py --cells docs/benchmarks/detector_zoo.json --page",
        "docs/benchmarks/detector_zoo.md` wrote this page, and runs the detectors that are not in",
        f"it yet: a step of `--method {method}` with the detector as student and as teacher, on",
        "random weights and images, and nothing named besides. `stock` means that mmcv has no",
        "operator for the device of this machine, `not built` that mmdet cannot build the detector",
        "here; both are left out of the counts. Those that are refused:",
        "",
        "- Heads that classify no priors or RoIs of images. CornerNet, CenterNet and SOLO give",
        "  maps of points or masks; TridentNet has RoIs for each of its branches.",
        "- RoI heads with learned queries (Sparse R-CNN, QueryInst). Each network has its own",
        "  queries, which no other network can take. CrowdDet predicts two objects of each RoI, in",
        "  no fixed order.",
        "- Logits of another form. The last two numbers of Seesaw are an objectness. The RoI head",
        "  of V3Det is made for sigmoids, which `--method` does not choose for RoIs: write a term",
        "  with mmkd.BinaryKDLoss and `EntropyWeight(activation='sigmoid')`.",
        "- AutoAssign and FreeAnchor assign no class to a location. Guided anchoring in eval mode",
        "  runs masked convolutions of mmcv, which take one image and no batch.",
    ]
    notes: dict[str, int] = {}
    for kind, names in CONFIGS.items():
        done = [name for name in names if name in cells]
        results = Counter(cells[name]["result"].partition(":")[0] for name in done)
        run = len(done) - results["not built"] - results["stock"]
        lines += ["", f"## {KINDS[kind].capitalize()}", ""]
        lines += [f"{results['pass']} of {run} that mmdet can run here pass.", ""]
        lines += ["| config | result |", "|---|---|"]
        for name in done:
            lines.append(f"| {name} | {mark(cells[name]['result'], notes)} |")
    lines.append("")
    for said, number in notes.items():
        lines += wrapped(f"{number}. {said}", 98)
    return "\n".join([*lines, ""])


def main() -> None:
    MMLogger.get_instance("mmengine", log_level="ERROR")
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=CONFIGS, default=[*CONFIGS])
    parser.add_argument("--configs", nargs="+", default=[""], help="parts of their names")
    parser.add_argument("--method", default="erkd")
    parser.add_argument("--again", action="store_true", help="run cells that are saved already")
    parser.add_argument("--cells", type=Path, default=Path("work_dirs/detector_zoo.json"))
    parser.add_argument("--page", type=Path, help="write the table of all saved cells to this file")
    arguments = parser.parse_args()
    cells = read_cells(arguments.cells)
    for name in [name for kind in arguments.kinds for name in CONFIGS[kind]]:
        chosen = any(part in name for part in arguments.configs)
        if chosen and (arguments.again or name not in cells):
            cells[name] = dict(result=try_detector(name, arguments.method))
            print(name, cells[name]["result"][:200], flush=True)
            write_cells(arguments.cells, cells)
            gc.collect()
    if arguments.page:
        arguments.page.write_text(page_of(cells, arguments.method), encoding="utf-8")


if __name__ == "__main__":
    main()
