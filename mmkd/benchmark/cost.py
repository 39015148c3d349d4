"""Costs of a distillation config: time and memory of each part of a training step."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope

from mmkd.benchmark.memory import held_bytes, step_bytes
from mmkd.benchmark.parts import parts_of_step, without_weights
from mmkd.benchmark.random_batch import random_batch
from mmkd.benchmark.timing import measure, training_step
from mmkd.distillers import Distiller
from mmkd.networks.sizes import example_inputs
from mmkd.registry import MODELS

FORWARD, BOTH, WHOLE = "student forward", "student forward, backward", "whole step"


@dataclass(frozen=True)
class Cost:
    """Cost of a part.

    Attributes:
        part: Name of the part.
        ms: Median time, in milliseconds.
        step_mb: Peak memory of the tensors that the part allocates, in MB (a million bytes).
        weight_mb: Memory of its weights and buffers, in MB.
    """

    part: str
    ms: float
    step_mb: float
    weight_mb: float


def build_model(config: Config, size: Sequence[int] | None) -> tuple[Distiller, tuple[int, ...]]:
    """Build the distiller of a config without reading weights, and find its input's shape.

    Args:
        config: The config. It is changed in place.
        size: Height and width of the images; by default those of the config's data.

    Raises:
        ValueError: If the config's model is no ``mmkd.Distiller``, or reads a store.
    """
    model: Any = config.get("model") or {}
    if str(model.get("type")).rpartition(".")[2] != "Distiller" or model.get("store"):
        raise ValueError(
            "The config's model is no mmkd.Distiller with teachers that run: there is nothing to "
            "take apart. Give a config of distillation, such as one of configs/kd."
        )
    teachers = model.get("teachers") or dict(teacher=model.get("teacher"))
    for teacher in teachers.values():
        teacher.checkpoint = None  # the values of the weights do not change the costs
        teacher.model = without_weights(teacher.model)
    spec, model.student = model.student, without_weights(model.student)
    if config.get("data_preprocessor"):
        model.setdefault("data_preprocessor", config.data_preprocessor)
    init_default_scope(config.get("default_scope", "mmpretrain"))
    distiller = MODELS.build(model)
    distiller.init_weights()
    shape = model.get("input_shape")
    example = next(example_inputs(distiller.student, config.filename or spec, shape))
    found = tuple(example.shape[1:])
    return distiller.to(get_device()), found if size is None else (found[0], *size)


def costs_of(
    config: Config, batch_size: int, size: Sequence[int] | None, rounds: int, iterations: int = 5
) -> tuple[tuple[int, ...], list[Cost]]:
    """Measure the parts of a training step on random images; the parts take turns.

    Args:
        config: A distillation config. It is changed in place.
        batch_size: Number of images.
        size: Height and width of the images; by default those of the config's data.
        rounds: Number of turns of each part.
        iterations: Number of runs of a part in a turn.

    Returns:
        The shape of an image, and the costs of the student, the teachers, the terms, their sample
        and teacher weights, and the whole step, which includes the optimizer.
    """
    distiller, shape = build_model(config, size)
    data = random_batch(distiller.student, batch_size, shape)
    for index, sample in enumerate(data["data_samples"]):
        sample.set_metainfo(dict(sample_idx=index))
    parts = parts_of_step(distiller, distiller.data_preprocessor(data, True))
    parts[WHOLE] = training_step(distiller, config, data)
    weights = _weights(distiller)
    seconds = {part: median(s) for part, s in measure(parts, rounds, iterations).items()}
    costs = []
    for part, step in parts.items():
        ms = 1e3 * seconds[part]
        if part == BOTH:
            ms -= 1e3 * seconds[FORWARD]
        peak = step_bytes(step) / 1e6
        name = "student backward" if part == BOTH else part
        costs.append(Cost(name, ms, peak, weights.get(part, 0.0)))
    return shape, costs


def _weights(distiller: Distiller) -> dict[str, float]:
    """Return the megabytes of the weights of each part that has any."""
    found = {FORWARD: held_bytes(distiller.student), WHOLE: held_bytes(distiller)}
    for name, teacher in distiller.teachers.items():
        found[f"teacher {name}"] = held_bytes(teacher.network)
    found |= {f"term {name}": held_bytes(term) for name, term in distiller.terms.items()}
    return {part: count / 1e6 for part, count in found.items()}


def describe(costs: Sequence[Cost]) -> str:
    """Return the costs as a text table."""
    whole = costs[-1].ms
    lines = [f"{'':32}{'ms':>10}{'of step':>10}{'MB step':>10}{'MB weights':>12}"]
    for cost in costs:
        share = f"{cost.ms / whole:.1%}"
        numbers = f"{cost.ms:10.2f}{share:>10}{cost.step_mb:10.1f}{cost.weight_mb:12.2f}"
        lines.append(f"{cost.part:32}{numbers}")
    return "\n".join(lines)


def page(shape: Sequence[int], batch_size: int, costs: Sequence[Cost]) -> dict[str, Any]:
    """Return the costs as an object for JSON."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    circumstances = dict(batch=batch_size, input_shape=[*shape], device=device)
    return dict(circumstances, threads=torch.get_num_threads(), parts=[asdict(c) for c in costs])
