"""Weight at which the norm of a term's gradient is a given share of that of the task losses."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from torch import Tensor

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.distillers import Distiller, Step
from mmkd.engine.launch import complete_loaders
from mmkd.hooks.statistics_hook import gradient_norm
from mmkd.loading import build_loader
from mmkd.registry import MODELS
from mmkd.teachers.weights import put_student


@dataclass(frozen=True)
class GradientShare:
    """Gradients of a term and of the task, measured on some batches.

    Attributes:
        term: Name of the term.
        weight: The term's weight in the config.
        ratios: For each batch, the norm of the term's gradient at weight 1, divided by that of the
            student's task losses.
    """

    term: str
    weight: float
    ratios: list[float]

    def weight_for(self, share: float) -> float:
        """Return the weight at which the mean ratio is ``share``.

        Raises:
            ValueError: If the term gave the student no gradient.
        """
        if not mean(self.ratios):
            raise ValueError(
                f"The term {self.term!r} gave the student no gradient in {len(self.ratios)} "
                "batches: no weight makes it a share of the task's."
            )
        return share / mean(self.ratios)


def measure_share(
    config: Config, term: str | None, batches: int, checkpoint: str | None = None
) -> GradientShare:
    """Measure the ratio of a term's gradient to that of the student's own losses on training data.

    The gradients are those with respect to the student's parameters. The student has its initial
    weights or those of a checkpoint, and computes in float32, without autocast. The terms'
    schedules count as 1.

    Args:
        config: Training config of a :class:`mmkd.distillers.Distiller`.
        term: Name of the term; it may be left out if there is only one.
        batches: Number of batches.
        checkpoint: File of the distillation run or of a student alone.

    Raises:
        ValueError: If the config has no such term, or the student has no task loss.
    """
    if config.model.type.rpartition(".")[2] != "Distiller":
        raise ValueError("The config's model is no mmkd.Distiller: it has no terms to weigh.")
    names = [*config.model.get("terms", {})]
    name = _chosen(names, term)
    set_random_seed(int((config.get("randomness") or {}).get("seed") or 0))
    weight = config.model.terms[name].get("weight", 1.0)
    distiller = _prepared(config, name, checkpoint)
    found: list[float] = []
    parameters = [p for p in distiller.student.parameters() if p.requires_grad]

    def record(step: Step) -> None:
        others = {f"loss_{other}" for other in names}
        task = [value for key, value in step.losses.items() if "loss" in key and key not in others]
        norm = gradient_norm(_sum(task), parameters)
        if not norm:
            raise ValueError(
                "The student's task losses give it no gradient (student_loss_weight may be 0): "
                "there is nothing to take a share of."
            )
        found.append(float(gradient_norm(_sum([step.losses[f"loss_{name}"]]), parameters) / norm))

    handle = distiller.observe(record)
    for data in _batches(config, batches):
        distiller(**distiller.data_preprocessor(data, True), mode="loss")
    handle.remove()
    return GradientShare(name, float(weight), found)


def _chosen(names: list[str], term: str | None) -> str:
    """Return the name of the term, which may be left out if there is only one."""
    if term is None and len(names) == 1:
        return names[0]
    if term is None or term not in names:
        given = "Several terms need --term NAME" if term is None else f"There is no term {term!r}"
        raise ValueError(f"{given}: the terms are {', '.join(names) or 'none'}.")
    return term


def _prepared(config: Config, term: str, checkpoint: str | None) -> Distiller:
    """Build the distiller in training mode, with the term's weight and all schedules at 1."""
    init_default_scope(config.get("default_scope", "mmengine"))
    settings = config.model.to_dict()
    settings["terms"][term]["weight"] = 1.0
    if "data_preprocessor" in config:
        settings.setdefault("data_preprocessor", config.data_preprocessor.to_dict())
    distiller: Distiller = MODELS.build(settings)
    distiller.init_weights()
    if checkpoint is not None:
        put_student(distiller.student, load_checkpoint(checkpoint), checkpoint)
    for built in distiller.terms.values():
        built.schedule = None
    distiller.student_loss_schedule = None
    return distiller.to(get_device()).train()


def _batches(config: Config, count: int) -> Iterator[Any]:
    complete_loaders(config, ["train_dataloader"])
    loader = build_loader(config.train_dataloader, seed=0)
    for _, batch in zip(range(count), loader, strict=False):
        yield batch


def _sum(values: list[Any]) -> Tensor:
    """Add losses, of which some may be lists over levels."""
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return torch.stack([one.mean() for one in flat]).sum() if flat else torch.zeros(())
