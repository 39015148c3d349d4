"""Adaptation of a method's losses and weights to a head's probabilities: sigmoids or a softmax."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.registry import MODELS
from torch import nn

from mmkd.networks.heads import activation_of

SOFTMAX_LOSS = {"mmkd.BinaryKDLoss": "mmkd.KDLoss"}


def has_softmax(model: Mapping[str, Any], scope: str | None = None) -> bool:
    """Return whether the ``bbox_head`` of a detector's config classifies by one softmax.

    DETR's and SSD's heads do. Most dense heads, and the heads of later DETRs, have a sigmoid for
    each class. The config's ``loss_cls`` decides, or else the default of the head's class.

    Args:
        model: The detector's config.
        scope: The package of its types, if the config itself does not name it.
    """
    head = model.get("bbox_head")
    if not isinstance(head, Mapping):
        return False
    with MODELS.switch_scope_and_registry(model.get("_scope_") or scope) as registry:
        kind: Any = registry.get(head["type"])
        parameters = _parameters(kind)
        if "loss_cls" not in parameters:  # SSD computes a cross-entropy
            return True
        loss = head.get("loss_cls", parameters["loss_cls"].default)
        default = _parameters(registry.get(loss["type"])).get("use_sigmoid")
    return not loss.get("use_sigmoid", default is not None and default.default)


def network_has_softmax(network: nn.Module) -> bool:
    """Return whether the ``bbox_head`` of a built detector classifies by one softmax."""
    has_head = isinstance(getattr(network, "bbox_head", None), nn.Module)
    return has_head and activation_of(network, "bbox_head") == "softmax"


def for_softmax(settings: Any) -> Any:
    """Return a method's settings for heads with sigmoids, adapted to heads with one softmax."""
    if isinstance(settings, Mapping):
        changed = {name: for_softmax(value) for name, value in settings.items()}
        if changed.get("type") in SOFTMAX_LOSS:
            changed["type"] = SOFTMAX_LOSS[changed["type"]]
        if changed.get("activation") == "sigmoid":
            changed["activation"] = "softmax"
        return changed
    return [for_softmax(item) for item in settings] if isinstance(settings, list) else settings


def _parameters(kind: Any) -> dict[str, inspect.Parameter]:
    """Return the arguments of a class, and of the bases to which it passes other arguments."""
    found: dict[str, inspect.Parameter] = {}
    for owner in kind.__mro__:
        if "__init__" in vars(owner):
            parameters = inspect.signature(owner.__init__).parameters
            found = {**parameters, **found}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break
    return found
