"""Kinds of networks that methods distinguish, read from a model's config."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.registry import MODELS
from torch import nn

from mmkd.engine.launch import ArgumentError

KINDS = {
    "classifier": "classifiers",
    "roi": "two-stage detectors, by their RoI head",
    "dense": "one-stage detectors, by their dense head",
    "distributions": "one-stage detectors that give boxes as distributions (GFL)",
    "queries": "detectors with queries (DETR and its family)",
    "masks": "networks whose queries give masks (MaskFormer, Mask2Former)",
    "segmentor": "segmentation networks, by their pixels",
}
# The kind whose settings are used for a kind for which a method has none.
PARENTS = {"distributions": "dense"}
# Kinds by base class of the model. The nearest base class that is listed decides.
BASES = {
    "BaseClassifier": "classifier",
    "DetectionTransformer": "queries",
    "MaskFormer": "masks",
    "TwoStageDetector": "roi",
    "SingleStageDetector": "dense",
    "SingleStageInstanceSegmentor": "dense",
    "EncoderDecoder": "segmentor",
}


def kind_of(model: Mapping[str, Any], scope: str | None = None) -> str:
    """Return the kind of network that a model's config describes, a key of :data:`KINDS`.

    Nothing is built: the class of the model and the class of its head determine the kind.

    Args:
        model: The model's config.
        scope: The package of its types, if the config itself does not name it.

    Raises:
        ArgumentError: If the model is of none of these kinds.
    """
    scope = model.get("_scope_") or scope
    head = model.get("bbox_head") or model.get("decode_head")
    heads = _bases(head, scope) if isinstance(head, Mapping) else []
    if kind := _kind(_bases(model, scope), heads):
        return kind
    raise ArgumentError(
        f"The student is a {model.get('type')}, and methods have no settings for networks of that "
        f"kind. They have for {'; '.join(KINDS.values())}."
    )


def kind_of_network(network: nn.Module) -> str:
    """Return the kind of a built network. A module of no known class is a classifier."""
    bases = [base.__name__ for base in type(network).__mro__]
    head = getattr(network, "bbox_head", None) or getattr(network, "decode_head", None)
    heads = [base.__name__ for base in type(head).__mro__]
    return _kind(bases, heads) or "classifier"


def _kind(bases: Sequence[str], heads: Sequence[str]) -> str | None:
    """Return the kind of a model by the names of its bases and of those of its head."""
    if "DETRHead" in heads:
        return "queries"
    if "MaskFormerHead" in heads:
        return "masks"
    kind = next((BASES[base] for base in bases if base in BASES), None)
    return "distributions" if kind == "dense" and "GFLHead" in heads else kind


def _bases(config: Mapping[str, Any], scope: str | None) -> list[str]:
    """Return the names of a registered class and of its bases, nearest first."""
    kind = config.get("type")
    if isinstance(kind, str):
        with MODELS.switch_scope_and_registry(scope) as registry:
            kind = registry.get(kind)
    return [base.__name__ for base in getattr(kind, "__mro__", ())]
