"""Conversion of keys between published checkpoints of small networks and mmkd's classifiers.

The published networks (of RepDistiller, mdistiller and code that follows their layout) are one
module that contains the classifying layer, under a name that depends on the network. In mmkd that
layer is ``head.fc``, and all other layers are the backbone.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value")

BACKBONE, FC = "backbone.", "head.fc."
# Names for resnet, wrn and MobileNetV1; ResNet and ShuffleNets; vgg; MobileNetV2.
HEADS = ("fc", "linear", "classifier", "classifier.0")
# Keys that tell the networks apart without their classifying layer; the first that occurs decides.
MARKS = {
    "backbone.block0.": "classifier",
    "backbone.blocks.": "classifier.0",
    "backbone.block1.layer.": "fc",
    "backbone.model.": "fc",
    "backbone.layer2.0.downsample.": "fc",
    "backbone.layer2.0.": "linear",
}
LISTED = 4


class UnknownKeysError(ValueError):
    """Error for keys that belong to none of the known networks."""


def _first(keys: Iterable[str]) -> str:
    names = list(keys)
    more = f", ... ({len(names)} in all)" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def find_head(keys: Iterable[str]) -> str:
    """Return the name of the classifying layer in published keys, one of ``HEADS``.

    Raises:
        UnknownKeysError: if there is no such layer, or more than one.
    """
    names = list(keys)
    heads = [head for head in HEADS if {f"{head}.weight", f"{head}.bias"} <= set(names)]
    if len(heads) == 1:
        return heads[0]
    if any(name.startswith((BACKBONE, FC)) for name in names):
        raise UnknownKeysError(
            f"these are keys of a classifier built here already: {_first(names)}"
        )
    found = f"more than one ({', '.join(heads)})" if heads else "none"
    raise UnknownKeysError(
        f"a published checkpoint holds one classifying layer of {', '.join(HEADS)}, this one "
        f"{found}; its keys are {_first(names)}"
    )


def published_head(keys: Iterable[str]) -> str:
    """Return the published name of ``head.fc`` for a classifier with these keys.

    Raises:
        UnknownKeysError: if the keys do not belong to a network of this package.
    """
    names = list(keys)
    for mark, head in MARKS.items():
        if any(name.startswith(mark) for name in names):
            return head
    raise UnknownKeysError(
        f"these keys are not of a classifier on one of mmkd's networks: {_first(names)}"
    )


def classifier_keys(state_dict: Mapping[str, Value], head: str | None = None) -> dict[str, Value]:
    """Rename the entries of a bare network to those of an ``mmpretrain.ImageClassifier``.

    ``conv1.weight`` becomes ``backbone.conv1.weight``, ``fc.weight`` becomes ``head.fc.weight``.

    Args:
        state_dict: the published entries, in their order.
        head: the published name of the classifying layer: ``fc`` (resnet, wrn, MobileNetV1),
            ``linear`` (ResNet, ShuffleNet), ``classifier`` (vgg), ``classifier.0`` (MobileNetV2).
            By default the name is detected.

    Returns:
        A new dict with the same values in the same order.

    Raises:
        UnknownKeysError: if no entry belongs to ``head``, or no name is detected.
    """
    prefix = f"{head or find_head(state_dict)}."
    if not any(key.startswith(prefix) for key in state_dict):
        raise UnknownKeysError(
            f"no entry of the classifying layer '{head}' among {_first(state_dict)}"
        )

    def rename(key: str) -> str:
        if key.startswith(prefix):
            return f"{FC}{key.removeprefix(prefix)}"
        return f"{BACKBONE}{key}"

    return {rename(key): value for key, value in state_dict.items()}


def published_keys(state_dict: Mapping[str, Value]) -> dict[str, Value]:
    """Undo :func:`classifier_keys`.

    Args:
        state_dict: entries of an ``mmpretrain.ImageClassifier`` on a network of mmkd.

    Returns:
        A new dict with the same values in the same order.

    Raises:
        UnknownKeysError: if the entries do not belong to such a classifier, or contain others.
    """
    prefix = f"{published_head(state_dict)}."
    others = [key for key in state_dict if not key.startswith((BACKBONE, FC))]
    if others or not any(key.startswith(FC) for key in state_dict):
        what = f"entries of something else ({_first(others)})" if others else f"no entry of {FC}*"
        raise UnknownKeysError(f"there is no published key for a classifier with {what}")

    def rename(key: str) -> str:
        if key.startswith(FC):
            return f"{prefix}{key.removeprefix(FC)}"
        return key.removeprefix(BACKBONE)

    return {rename(key): value for key, value in state_dict.items()}


def with_batch_counts(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add the ``num_batches_tracked`` that batch norm has since PyTorch 0.4.1.

    Older checkpoints lack them, and a strict comparison of keys would call that an error.
    Evaluation does not use them, and neither does training unless the momentum is ``None``.
    """
    completed = dict[str, Tensor]()
    for key, value in state_dict.items():
        completed[key] = value
        count = f"{key.removesuffix('running_var')}num_batches_tracked"
        if key.endswith("running_var") and count not in state_dict:
            completed[count] = torch.tensor(0)
    return completed
