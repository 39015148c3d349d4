"""How keys of published CIFAR checkpoints map to those of a classifier built here."""

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")


def classifier_keys(state_dict: Mapping[str, Value], head: str = "fc") -> dict[str, Value]:
    """Rename the entries of a bare network to those of an ``mmpretrain.ImageClassifier``.

    The published networks are one module with the classifying layer inside; here that layer is
    ``head.fc`` and everything else the backbone: ``conv1.weight`` becomes
    ``backbone.conv1.weight``, ``fc.weight`` becomes ``head.fc.weight``.

    Args:
        state_dict: the published entries, in their order.
        head: the published name of the classifying layer: ``fc`` (resnet, wrn), ``linear``
            (ResNet, ShuffleNet), ``classifier`` (vgg), ``classifier.0`` (MobileNetV2).

    Returns:
        A new dict with the same values in the same order.

    Raises:
        KeyError: if no entry belongs to ``head``.
    """
    prefix = f"{head}."
    if not any(key.startswith(prefix) for key in state_dict):
        raise KeyError(f"no entry of the classifying layer '{head}' in {len(state_dict)} entries")

    def rename(key: str) -> str:
        if key.startswith(prefix):
            return f"head.fc.{key.removeprefix(prefix)}"
        return f"backbone.{key}"

    return {rename(key): value for key, value in state_dict.items()}
