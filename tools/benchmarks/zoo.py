"""Train one step of every config family of a package, as student and as teacher, by roles.

Each family is distilled from and to one stock network of its package, with random weights and a
tiny batch. Classifiers compare their logits by KD, and segmentation networks the logits of their
pixels; both compare their last map and their stages by a hint. Detectors compare their last map,
their stages and the levels of their neck. The configs name no tap, size or class map. A cell of the
table is "pass" if a step is trained and the term's loss is finite and not zero; "refused" if the
build, or the first step that reads a tap, ends with an error message for the user; "stock" if the
package itself does not build or train the network on this machine; "crash" in any other case.
Each cell is saved when it is filled, so that a stopped run can continue; --page writes the table.

Example:
  python tools/benchmarks/zoo.py --family resnet vision_transformer
"""

import gc
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope

from mmkd.distillers import Distiller, Step
from mmkd.networks.building import build_network, network_config
from mmkd.networks.taps import TapError
from mmkd.registry import MODELS

sys.path.insert(0, str(Path(__file__).parent))
from zoo_batches import batch_for
from zoo_cells import Cells, mark, outcome, read_cells, wrapped, write_cells
from zoo_configs import PARTNERS, families, path_of, size_of, untrained

SIDES = ("student", "teacher")
HINT = dict(loss=dict(type="mmkd.HintLoss"))
# Class logits of detectors are compared by tools/benchmarks/detector_zoo.py.
KINDS = {
    "mmpretrain": ("logits", "@map", "@stages"),
    "mmdet": ("@map", "@stages", "@levels"),
    "mmseg": ("logits", "@map", "@stages"),
}
# Why a package's networks are refused, for the page.
REASONS = {
    "mmpretrain": (
        "CSRA predicts several labels of an image, each by a sigmoid. LeNet takes images of one",
        "channel. The layers of RevViT run without gradients while a student trains, unless its",
        "`backbone.no_custom_backward=True`. Each block of TNT writes into the tokens that the",
        "block before it gave, so that the stages between them no longer exist when losses read",
        "them: take `@map`.",
    ),
    "mmdet": (
        "`@levels` are compared one by one: networks whose necks give other numbers of levels",
        "are refused, and a term names the levels that belong together, such as",
        "`student=['neck[0]', 'neck[1]']`. Networks without a neck have no `@levels`. CrowdDet",
        "takes torchvision's RoIAlign, whose Python version needs terabytes where torchvision's",
        "operators do not fit torch. CARAFE, DCN and DCNv2 have operators without code for a",
        "CPU.",
    ),
    "mmseg": (
        "FastSCNN's classes are sigmoids, the other network's a softmax. The queries of",
        "MaskFormer and Mask2Former are compared by `locations=dict(type='mmkd.MaskQueries')`.",
        "PointRend chooses other points in each forward, and SAN's head reads texts.",
    ),
}
# Texts of errors by which a package refuses a term that does not fit; no others.
REFUSALS = (ValueError, NotImplementedError)


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--package", choices=[*PARTNERS], default="mmpretrain")
    parser.add_argument("--family", nargs="+", help="only these families")
    parser.add_argument("--again", action="store_true", help="run cells that are saved already")
    parser.add_argument("--jobs", type=int, default=1, help="threads of torch")
    parser.add_argument("--cells", type=Path, default=Path("work_dirs/zoo.json"))
    parser.add_argument("--page", type=Path, help="write the table of all saved cells to this file")
    return parser.parse_args()


def term_of(package: str, kind: str) -> dict[str, Any]:
    """Return the settings of a term of a kind."""
    if kind != "logits":
        return dict(student=kind, teacher=kind, weight=0.1, **HINT)
    term = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))
    return dict(term, locations=dict(type="mmkd.PixelLocations")) if package == "mmseg" else term


def distiller_of(package: str, family: str, side: str, kinds: tuple[str, ...]) -> Distiller:
    """Build the distiller of a family and the stock network of its package."""
    pair = [untrained(family), untrained(PARTNERS[package], classes_of=family)]
    student, teacher = pair if side == "student" else reversed(pair)
    terms = {kind.strip("@"): term_of(package, kind) for kind in kinds}
    settings: dict[str, Any] = dict(student=student, teacher=dict(model=teacher), terms=terms)
    if package == "mmseg":
        settings["input_shape"] = (3, *size_of(family))
    model: Distiller = MODELS.build(dict(type="mmkd.Distiller", **settings))
    return model


def train_step(model: Distiller, data: Mapping[str, Any], kinds: tuple[str, ...]) -> dict[str, str]:
    """Train a step, and return the problem of the loss for each kind of term, if there is one."""
    steps: list[Step] = []
    model.observe(steps.append)
    model.train()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-6))
    model.train_step(data, wrapper)
    found = {}
    for kind in kinds:
        loss = steps[0].losses[f"loss_{kind.strip('@')}"].detach()
        wrong = "" if loss.isfinite() else f"its loss is {loss.item()}"
        if loss == 0:
            wrong = "its loss is zero"
        found[kind] = f"crash: {wrong}" if wrong else "pass"
    return found


def try_kinds(package: str, family: str, side: str, kinds: tuple[str, ...]) -> dict[str, str]:
    """Build and train, and return the result of each kind of term."""
    torch.manual_seed(0)
    for progress in ("epoch", "iter"):  # some heads ask for the progress that a Runner sets
        MessageHub.get_current_instance().update_info(progress, 0)
    try:
        model = distiller_of(package, family, side, kinds)
    except REFUSALS as error:
        kind = "refused" if trains(package, family) else "stock: building"
        return dict.fromkeys(kinds, outcome(kind, error))
    except Exception as error:
        kind = "crash" if builds(family) else "stock"
        return dict.fromkeys(kinds, outcome(f"{kind}: building: {type(error).__name__}", error))
    student = family if side == "student" else PARTNERS[package]
    try:
        model.init_weights()
        data = batch_for(package, model.student, student, size_of(family))
        return train_step(model, data, kinds)
    except TapError as error:  # the words for a network that hides tensors while it trains
        return dict.fromkeys(kinds, outcome("refused: in the first step", error))
    except NotImplementedError as error:  # the package itself does not train this network
        return dict.fromkeys(kinds, outcome("stock", error))
    except Exception as error:
        kind = "crash" if trains(package, student) else "stock"
        return dict.fromkeys(kinds, outcome(f"{kind}: training: {type(error).__name__}", error))


def builds(family: str) -> bool:
    """Return whether the package itself builds the network of a family, with initial weights."""
    try:
        build_network(network_config(untrained(family))).init_weights()
    except Exception:
        return False
    return True


def trains(package: str, family: str) -> bool:
    """Return whether the network of a family trains a step alone, without distillation."""
    torch.manual_seed(0)
    try:
        network = build_network(network_config(untrained(family)))
        network.init_weights()
        network.train()
        wrapper = OptimWrapper(torch.optim.SGD(network.parameters(), lr=1e-6))
        network.train_step(batch_for(package, network, family, size_of(family)), wrapper)
    except Exception:
        return False
    return True


def try_all(package: str, family: str, side: str, kinds: tuple[str, ...]) -> dict[str, str]:
    """Return the result of each kind of term, trained in one step or, if that fails, separately."""
    outcomes = try_kinds(package, family, side, kinds)
    if len(kinds) == 1 or all(said == "pass" for said in outcomes.values()):
        return outcomes
    others, last = kinds[:-1], kinds[-1:]
    return try_all(package, family, side, others) | try_kinds(package, family, side, last)


def run(arguments: Namespace, cells: Cells) -> None:
    """Fill the cells, and save them after each family."""
    package, path, here = arguments.package, arguments.cells.resolve(), Path.cwd()
    os.chdir(path_of(f"{package}::").parent)  # LD's config names its teacher's from there
    for family, config in families(package).items():
        if arguments.family and family not in arguments.family:
            continue
        for side in SIDES:
            key = f"{package}/{family}/{side}"
            if key in cells and not arguments.again:
                continue
            outcomes = try_all(package, config, side, KINDS[package])
            cells[key] = dict(config=config, **outcomes)
            print(key, *(f"{kind}: {said[:160]}" for kind, said in outcomes.items()), sep="\n    ")
            write_cells(path, cells)
            gc.collect()
    os.chdir(here)


def page_of(cells: Cells, command: list[str]) -> str:
    """Return the page with the table of all cells, and the messages of those that did not pass."""
    lines = [
        "# Every family of the model zoos, by roles",
        "",
        "```bash",
        *command,
        "```",
        "",
        "wrote this page, and runs the families that are not in it yet: one step of training,",
        "random weights, with no tap and no size named. A family without a row was not run. The",
        "family is the student of a stock network, or its teacher; KD compares logits, a hint",
        "maps. `stock` means that the package itself, without distillation, does not build the",
        "network or train it on these images and this machine (an operator of mmcv that has no",
        "code for a CPU, a package that is missing); it is left out of the counts.",
    ]
    for package, partner in PARTNERS.items():
        rows = {key: cell for key, cell in cells.items() if key.startswith(f"{package}/")}
        names = [*dict.fromkeys(key.split("/")[1] for key in rows)]
        if not names:
            continue
        columns = [(side, kind) for side in SIDES for kind in KINDS[package]]
        lines += ["", f"## {package}", "", f"The other network is `{partner}`."]
        lines += [*REASONS.get(package, ()), ""]
        lines += ["| family | " + " | ".join(f"{s} {k}" for s, k in columns) + " |"]
        lines += ["|---" * (len(columns) + 1) + "|"]
        counts: Counter[tuple[str, str]] = Counter()
        trained: Counter[tuple[str, str]] = Counter()
        notes: dict[str, int] = {}
        for name in names:
            row = []
            for side, kind in columns:
                said = rows.get(f"{package}/{name}/{side}", {}).get(kind, "")
                counts[side, kind] += said == "pass"
                trained[side, kind] += not said.startswith("stock")
                row.append(mark(said, notes))
            lines.append(f"| {name} | " + " | ".join(row) + " |")
        passed = " | ".join(f"**{counts[column]} of {trained[column]}**" for column in columns)
        lines += [f"| passed | {passed} |", ""]
        for said, number in notes.items():
            lines += wrapped(f"{number}. {said}", 98)
    return "\n".join([*lines, ""])


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.jobs)
    MMLogger.get_instance("zoo", log_level="ERROR")
    cells = read_cells(arguments.cells)
    init_default_scope(arguments.package)
    run(arguments, cells)
    if arguments.page:
        packages = " ".join(p for p in PARTNERS if any(key.startswith(f"{p}/") for key in cells))
        command = [
            f"for package in {packages}; do python tools/benchmarks/zoo.py --package $package \\",
            f"    --cells {arguments.cells} --page {arguments.page}; done",
        ]
        arguments.page.write_text(page_of(cells, command), encoding="utf-8")


if __name__ == "__main__":
    main()
