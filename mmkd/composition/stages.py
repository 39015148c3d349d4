"""Adaptation of a method's terms to a cascade, which classifies its RoIs in several stages."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn


def stage_weights(model: Mapping[str, Any]) -> list[float]:
    """Return the loss weights of a cascade's stages, from its config; none for other networks."""
    head = model.get("roi_head")
    if not isinstance(head, Mapping) or not isinstance(head.get("bbox_head"), list | tuple):
        return []
    return _weights(len(head["bbox_head"]), head.get("stage_loss_weights"))


def network_stage_weights(network: nn.Module) -> list[float]:
    """Return the loss weights of a built cascade's stages; none for other networks."""
    head: Any = getattr(network, "roi_head", None)
    stages = getattr(head, "bbox_head", None)
    if not isinstance(stages, nn.ModuleList):
        return []
    return _weights(len(stages), getattr(head, "stage_loss_weights", None))


def for_stages(terms: Mapping[str, Any], weights: Sequence[float]) -> dict[str, Any]:
    """Return terms for a cascade: a term that reads the logits becomes one term for each stage.

    The weight of each such term is multiplied by the loss weight of its stage.

    Args:
        terms: Settings of terms by name.
        weights: Loss weights of the stages.
    """
    found = dict[str, Any]()
    for name, term in terms.items():
        if {"student", "teacher", "logits"} & {*term}:
            found[name] = term
            continue
        for stage, factor in enumerate(weights):
            weight = term.get("weight", 1.0) * factor
            found[f"{name}_stage{stage}"] = {
                **term,
                "logits": f"@logits[{stage}]",
                "weight": weight,
            }
    return found


def _weights(stages: int, given: Sequence[float] | None) -> list[float]:
    """Return the weight of each stage, 1 if none are given."""
    return [float(weight) for weight in (given or [1.0] * stages)[:stages]]
