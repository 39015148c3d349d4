"""Run the checks that need a GPU, within a limited time.

Parts, each with a share of the time: `sweep` compares the losses of every method with those on the
CPU and counts synchronisations by line of code; `speed` compares a step with one written by hand;
`amp` trains some steps in mixed precision; `teachers` measures speed='fast'. The results are
written to gpu_check.json after each part, so that an interrupted run keeps its results. With
--device cpu the tool runs on small inputs, to test the tool itself without a GPU.

Examples:
  python tools/benchmarks/gpu_check.py --minutes 8 --out "$OUT"
  python tools/benchmarks/gpu_check.py --device cpu --parts sweep --methods kd erkd
"""

import json
import os
import time
import warnings
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import AmpOptimWrapper
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.nn import functional

from mmkd.benchmark.memory import step_bytes
from mmkd.benchmark.parts import without_weights
from mmkd.benchmark.random_batch import random_batch
from mmkd.benchmark.timing import Step, measure, training_step
from mmkd.compat.machine import provenance
from mmkd.composition.composing import compose
from mmkd.networks.taps import Tap
from mmkd.registry import MODELS
from mmkd.teachers import Teacher

ROOT = Path(__file__).resolve().parents[2]
PAIR = str(ROOT / "configs/_base_/pairs/resnet32x4_resnet8x4_cifar100.py")
SPEED = ("kd", "erkd", "eakd", "dkd", "reviewkd", "crd")
SHARES = dict(sweep=0.45, speed=0.3, amp=0.15, teachers=0.1)
DRAWS = ("mgd", "fcfd", "crd")  # methods that draw random numbers on the device
SHAPE = (3, 32, 32)


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    parser.add_argument("--parts", nargs="+", choices=SHARES, default=[*SHARES])
    parser.add_argument("--methods", nargs="+", help="by default all that fit the pair")
    return parser.parse_args()


def build(method: str, batch: int) -> tuple[Config, Any, dict[str, Any]]:
    """Return a method's config of the main pair, its model and a batch."""
    config = compose(PAIR, [], [method])
    init_default_scope(config.default_scope)
    settings = _small(config.model.to_dict(), batch)
    settings.setdefault("data_preprocessor", config.get("data_preprocessor"))
    teacher = settings["teacher"]
    teacher.update(model=without_weights(teacher["model"]), checkpoint=None)
    torch.manual_seed(0)
    model = MODELS.build(settings)
    model.init_weights()
    model.train()
    data = random_batch(model.student, batch, SHAPE)
    for index, sample in enumerate(data["data_samples"]):
        sample.set_metainfo(dict(sample_idx=index))
    if hasattr(model.data_preprocessor, "views"):
        data["inputs"] = [data["inputs"], data["inputs"].flip(-1)]
    return config, model, data


def _small(value: Any, batch: int) -> Any:
    """Return settings whose memories fit the random data."""
    if isinstance(value, dict):
        value = {key: _small(item, batch) for key, item in value.items()}
        if value.get("type") == "mmkd.SemCKDLoss":
            value["batch_size"] = batch
        if value.get("type") == "mmkd.CRDLoss":
            value.update(num_samples=1000, negatives=256)
        return value
    return [_small(item, batch) for item in value] if isinstance(value, list | tuple) else value


def losses_of(model: Any, data: dict[str, Any]) -> dict[str, Tensor]:
    batch = model.data_preprocessor(deepcopy(data), True)
    return {name: value for name, value in model.loss(**batch).items() if "loss" in name}


def sweep(arguments: Namespace, methods: list[str]) -> Iterator[tuple[str, Any]]:
    """Compare each method's losses with those on the CPU, and count synchronisations of a step."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    for method in methods:
        config, model, data = build(method, 8)
        expected = None if method in DRAWS else losses_of(deepcopy(model), data)
        model.to(arguments.device)
        step = training_step(model, config, data)
        found = losses_of(model, data)
        step()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            _watch(arguments, "warn")
            step()
            _watch(arguments, "default")
        lines = Counter(
            "/".join(Path(w.filename).parts[-3:]) + f":{w.lineno}"
            for w in seen
            if "synchroniz" in str(w.message)
        )
        worst = None
        if expected is not None:
            worst = max(_relative(found[name], value) for name, value in expected.items())
        yield method, dict(relative=worst, synchronisations=dict(lines))


def _watch(arguments: Namespace, mode: str) -> None:
    if arguments.device == "cuda":
        torch.cuda.set_sync_debug_mode(mode)


def _relative(found: Any, expected: Any) -> float:
    return abs(float(found) - float(expected)) / (abs(float(expected)) + 1e-6)


def speed(arguments: Namespace, methods: list[str]) -> Iterator[tuple[str, Any]]:
    """Measure a step of each method, of KD by hand, of the student alone, and the teacher."""
    small = arguments.device == "cpu"
    for method in methods:
        for batch in (4,) if small else (64, 256):
            config, model, data = build(method, batch)
            model.to(arguments.device)
            steps = {"mmkd": training_step(model, config, data), **by_hand(model, data)}
            seconds = measure(steps, 1 if small else 3, 1 if small else 20)
            yield (
                f"{method}, {batch} images",
                {
                    name: dict(ms=1e3 * median(seconds[name]), peak_mb=step_bytes(step) / 1e6)
                    for name, step in steps.items()
                },
            )


def by_hand(model: Any, data: dict[str, Any]) -> dict[str, Step]:
    """Return hand-written steps of KD, of the student alone, and of the teacher's forward."""
    batch = model.data_preprocessor(data, True)
    inputs, labels = batch["inputs"], torch.cat([s.gt_label for s in batch["data_samples"]])
    student, teacher = model.student, model.teachers["teacher"].network
    optimizer = torch.optim.SGD(student.parameters(), lr=0.0, momentum=0.9, weight_decay=5e-4)

    def train(loss: Callable[[Tensor], Tensor]) -> None:
        loss(student(inputs, mode="tensor")).backward()
        optimizer.step()
        optimizer.zero_grad()

    @torch.no_grad()
    def teach() -> Tensor:
        return (teacher(inputs, mode="tensor") / 4).softmax(1)

    def kd(logits: Tensor, target: Tensor) -> Tensor:
        own = functional.log_softmax(logits / 4, 1)
        soft = functional.kl_div(own, target, reduction="batchmean")
        return 0.1 * functional.cross_entropy(logits, labels) + 0.9 * 16 * soft

    def beside() -> None:
        """Run the teacher on a stream of its own, while the student runs on the main one."""
        main = torch.cuda.current_stream()
        side.wait_stream(main)
        with torch.cuda.stream(side):
            target = teach()

        def loss(logits: Tensor) -> Tensor:
            main.wait_stream(side)
            target.record_stream(main)
            return kd(logits, target)

        train(loss)

    steps: dict[str, Step] = {
        "KD by hand": lambda: train(lambda logits: kd(logits, teach())),
        "student": lambda: train(lambda logits: functional.cross_entropy(logits, labels)),
        "teacher's forward": teach,
    }
    if inputs.is_cuda:
        side = torch.cuda.Stream()
        steps["KD by hand, teacher on a side stream"] = beside
    return steps


def amp(arguments: Namespace, methods: list[str]) -> Iterator[tuple[str, Any]]:
    """Train some steps in mixed precision; say whether the losses stay finite."""
    if arguments.device == "cpu":
        return
    for method in methods:
        for dtype in ("float16", "bfloat16"):
            _, model, data = build(method, 64)
            model.to(arguments.device)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
            scale: Any = "dynamic" if dtype == "float16" else 1.0
            wrapper = AmpOptimWrapper(dtype=dtype, loss_scale=scale, optimizer=optimizer)
            logs = [model.train_step(data, wrapper) for _ in range(20)]
            finite = all(bool(value.isfinite().all()) for value in logs[-1].values())
            yield f"{method}, {dtype}", dict(finite=finite)


def teachers(arguments: Namespace, methods: list[str]) -> Iterator[tuple[str, Any]]:
    """Measure the teacher without options, and with those of speed='fast' added in steps."""
    model = build("kd", 8)[1]
    taps = [Tap.parse(text) for text in ("backbone.layer1", "backbone.layer2", "head.fc")]
    images = torch.randn(8 if arguments.device == "cpu" else 256, *SHAPE, device=arguments.device)
    half: dict[str, Any] = dict(dtype="bfloat16", memory_format="channels_last", fold_bn=True)
    variants = {"as written": {}, "bfloat16": half}
    if arguments.device != "cpu":
        variants["bfloat16, compiled"] = dict(half, compile=True)
        variants["bfloat16, graphs"] = dict(half, compile=dict(mode="reduce-overhead"))
    steps = {}
    for name, options in variants.items():
        network: nn.Module = deepcopy(model.teachers["teacher"].network).to(arguments.device)
        teacher = Teacher(network, **options)
        teacher.accelerate(images[:2], taps)
        steps[name] = lambda teacher=teacher: teacher(images, None, taps)
    seconds = measure(steps, 2, 2 if arguments.device == "cpu" else 20)
    yield f"{len(images)} images", {name: 1e3 * median(values) for name, values in seconds.items()}


def main() -> None:
    arguments = parse_arguments()
    # without this every initialised weight is listed
    MMLogger.get_instance("mmengine", log_level="ERROR")
    named = sorted(path.stem for path in (ROOT / "configs/_base_/methods").glob("*.py"))
    methods, started, result = arguments.methods, time.monotonic(), provenance(ROOT)
    for part in arguments.parts:
        chosen = methods or (named if part == "sweep" else [*SPEED])
        until = time.monotonic() + 60 * arguments.minutes * SHARES[part]
        found: dict[str, Any] = {}
        for method in chosen if part != "teachers" else ["kd"]:
            if time.monotonic() > until:
                found["stopped before"] = method
                break
            try:
                found.update(globals()[part](arguments, [method]))
            except Exception as error:  # one method must not end the run
                found[method] = f"{type(error).__name__}: {error}"[:300]
                _watch(arguments, "default")
        result[part] = found
        path = arguments.out / "gpu_check.json"
        path.write_text(json.dumps(result, indent=1, default=str) + "\n")
        print(f"{part}: {len(found)} results after {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
