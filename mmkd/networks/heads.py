"""Declarations of detectors' and classifiers' heads, read from their attributes."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# probabilities closer to 0 or 1 than this count as this close, so that their logit is finite
TINY = 1e-6


def enclosing(network: nn.Module, path: str, *attributes: str) -> tuple[str, nn.Module] | None:
    """Return path and module of the innermost part around ``path`` with one of the attributes."""
    while path:
        module = network.get_submodule(path)
        if any(hasattr(module, attribute) for attribute in attributes):
            return path, module
        path = path.rpartition(".")[0]
    return None


def activation_of(network: nn.Module, path: str) -> str | None:
    """Return the activation of class logits: ``'sigmoid'``, ``'softmax'``, or ``None`` if unknown.

    Args:
        network: The network.
        path: Path of the module that gives the logits. mmdet's heads, or their classification
            losses, declare the activation. mmpretrain's heads with a threshold, ``thr``, predict
            several labels, each by a sigmoid; its other heads predict by a softmax, whatever their
            loss. mmseg's heads predict by a sigmoid if they have one output for two classes, or
            if their first loss is one of sigmoids.
    """
    found = enclosing(network, path, "use_sigmoid_cls", "loss_cls", "loss_module", "loss_decode")
    if found is None:
        return None
    head: Any = found[1]
    if hasattr(head, "loss_decode"):
        several = isinstance(head.loss_decode, nn.ModuleList)
        first = head.loss_decode[0] if several else head.loss_decode
        sigmoid = head.out_channels == 1 or getattr(first, "use_sigmoid", False)
        return "sigmoid" if sigmoid else "softmax"
    if not hasattr(head, "loss_cls") and hasattr(head, "loss_module"):
        return "sigmoid" if hasattr(head, "thr") else None
    sigmoid = getattr(head, "use_sigmoid_cls", None)
    if sigmoid is None:
        sigmoid = getattr(getattr(head, "loss_cls", None), "use_sigmoid", None)
    return None if sigmoid is None else "sigmoid" if sigmoid else "softmax"


def gives_probabilities(network: nn.Module, path: str) -> bool:
    """Return whether a head's class outputs are probabilities, as its loss's ``activated`` says."""
    found = enclosing(network, path, "loss_cls")
    return found is not None and bool(getattr(found[1].loss_cls, "activated", False))


@dataclass(frozen=True)
class ClassScores:
    """Outputs of a dense head for each prior.

    Attributes:
        classes: Number of classes.
        width: Number of class scores, including the score of background if there is one.
        total: Number of values in one map, class scores last, if box, objectness and classes share
            it, as in YOLOv3.
        probabilities: Whether the class scores are probabilities.
    """

    classes: int
    width: int
    total: int | None
    probabilities: bool

    @classmethod
    def of(cls, network: nn.Module, path: str) -> "ClassScores | None":
        """Return the outputs of the dense head around a path, or ``None`` if there is no head."""
        found = enclosing(network, path, "num_classes")
        if found is None:
            return None
        head: Any = found[1]
        width = getattr(head, "cls_out_channels", head.num_classes)
        probabilities = gives_probabilities(network, path)
        return cls(head.num_classes, width, getattr(head, "num_attrib", None), probabilities)

    def of_rows(self, rows: Tensor) -> Tensor:
        """Return the class logits (R, C) from the outputs of the head for priors (R, D)."""
        if rows.shape[-1] == self.total:
            rows = rows[..., -self.width :]
        return torch.logit(rows.float(), eps=TINY) if self.probabilities else rows


def has_objectness(network: nn.Module, path: str) -> bool:
    """Return whether a dense head predicts an objectness in addition to classes."""
    return enclosing(network, path, "loss_obj", "loss_conf") is not None
