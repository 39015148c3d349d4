"""Strict loading of a network's weights, with a report if they do not fit."""

import difflib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.networks.student import PREFIX

LISTED = 8


class WeightsMismatchError(ValueError):
    """Error for a checkpoint that does not fit its network."""


def read_state_dict(checkpoint: Any, path: str | Path) -> dict[str, Tensor]:
    """Return the weights in a checkpoint: from ``state_dict``, from ``model``, or all of it."""
    for key in ("state_dict", "model"):
        if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get(key), Mapping):
            checkpoint = checkpoint[key]
    if not isinstance(checkpoint, Mapping) or not any(
        isinstance(value, Tensor) for value in checkpoint.values()
    ):
        raise WeightsMismatchError(f"{path} holds no weights: no dict of tensors was found in it.")
    return {
        str(key).removeprefix("module."): value
        for key, value in checkpoint.items()
        if isinstance(value, Tensor)
    }


def _list(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = [f"    ... and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return [f"  {title} ({len(lines)}):", *(f"    {line}" for line in lines[:LISTED]), *more]


def _advice(missing: list[str], unexpected: list[str]) -> list[str]:
    """Return advice that names the prefix that would make the keys fit, if there is one."""
    if not missing or not unexpected:
        return []
    for key in unexpected:
        prefix = key.removesuffix(missing[0])
        if prefix != key and all(prefix + name in unexpected for name in missing):
            return [
                f"  All missing keys are there under the prefix {prefix!r}: set prefix={prefix!r}."
            ]
    return []


def report(network: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """Return a text on how weights differ from a network's needs; it is empty if they fit."""
    needed = network.state_dict()
    missing = [key for key in needed if key not in weights]
    unexpected = [key for key in weights if key not in needed]
    shapes = [
        f"{key}: {tuple(weights[key].shape)} in the checkpoint, {tuple(needed[key].shape)} needed"
        for key in needed
        if key in weights and weights[key].shape != needed[key].shape
    ]
    near = []
    for key in missing[:LISTED]:
        match = difflib.get_close_matches(key, unexpected, n=1, cutoff=0.6)
        near += [f"{key} ~ {match[0]}"] if match else []
    return "\n".join(
        [
            *_list("missing", missing),
            *_list("unexpected", unexpected),
            *_list("near matches, missing ~ unexpected", near),
            *_list("other shapes", shapes),
            *_advice(missing, unexpected),
        ]
    )


def load_weights(
    network: nn.Module,
    path: str | Path,
    prefix: str | None = None,
    strict: bool = True,
    trust: bool = False,
) -> Mapping[str, Any]:
    """Load a checkpoint into a network, and return the meta that MMEngine saved in it, if any.

    Args:
        network: The network; it is changed in place.
        path: A file, or any address that MMEngine's checkpoint loader knows.
        prefix: Take only keys that begin with this prefix, and strip it: ``'student.'`` reads the
            student out of a distillation checkpoint.
        strict: Whether a missing, unexpected or misshapen key is an error or only a warning.
        trust: Whether to unpickle everything in the file. See
            :func:`mmkd.compat.checkpoints.load_checkpoint`.

    Raises:
        CheckpointError: If the file is damaged, or may not be unpickled without ``trust``.
        WeightsMismatchError: If the keys do not fit, or a weight is not finite.
    """
    checkpoint = load_checkpoint(path, trust)
    put_weights(network, checkpoint, path, prefix, strict)
    meta = checkpoint.get("meta")
    return meta if isinstance(meta, Mapping) else {}


def put_weights(
    network: nn.Module,
    checkpoint: Mapping[str, Any],
    path: str | Path,
    prefix: str | None = None,
    strict: bool = True,
) -> None:
    """Load the content of a checkpoint into a network; see :func:`load_weights`."""
    weights = read_state_dict(checkpoint, path)
    if prefix:
        weights = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    differences = report(network, weights)
    if differences:
        message = f"{path} does not fit {type(network).__name__}:\n{differences}"
        if strict:
            raise WeightsMismatchError(message)
        print_log(message, "current", level=30)
    broken = [k for k, v in weights.items() if v.is_floating_point() and not v.isfinite().all()]
    if broken:
        raise WeightsMismatchError(
            f"{path} holds weights that are not finite (NaN or infinite): "
            f"{', '.join(broken[:LISTED])}."
        )
    fitting = network.state_dict()
    with torch.no_grad():
        network.load_state_dict(
            {k: v for k, v in weights.items() if k in fitting and v.shape == fitting[k].shape},
            strict=False,
        )


def put_student(student: nn.Module, checkpoint: Mapping[str, Any], path: str | Path) -> bool:
    """Load the content of a distillation's checkpoint, or of its student's file, into a student.

    Args:
        student: The student; it is changed in place.
        checkpoint: The content.
        path: The file, named in messages.

    Returns:
        Whether it is the checkpoint of a distillation.

    Raises:
        WeightsMismatchError: If the weights do not fit.
    """
    distilled = any(key.startswith(PREFIX) for key in read_state_dict(checkpoint, path))
    put_weights(student, checkpoint, path, PREFIX if distilled else None)
    return distilled


def weights_hash(network: nn.Module) -> str:
    """Return a SHA-256 of a network's weights and buffers with their names."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return f"sha256:{digest.hexdigest()}"
