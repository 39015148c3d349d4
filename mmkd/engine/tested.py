"""Loading of the weights that tools/test.py evaluates, from any checkpoint of training."""

from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmkd.distillers import BaseDistiller
from mmkd.networks.student import PREFIX
from mmkd.teachers.weights import WeightsMismatchError, read_state_dict, report


def evaluated_network(model: nn.Module) -> nn.Module:
    """Return the network that predicts: without wrappers, and for a distiller the student."""
    network: Any = model
    while is_model_wrapper(network) or isinstance(network, BaseTTAModel):
        network = network.module
    student: nn.Module = network.student if isinstance(network, BaseDistiller) else network
    return student


def load_evaluated(runner: Runner, checkpoint: dict[str, Any], path: str) -> None:
    """Load the network that a runner evaluates.

    The checkpoint may be that of a distiller or of a plain student, and so may the runner's config.
    Missing weights are an error here, whereas MMEngine's loader would only warn and evaluate random
    weights.

    Args:
        runner: The runner.
        checkpoint: Content of the file.
        path: The file, named in messages.

    Raises:
        WeightsMismatchError: If the checkpoint lacks weights, or they have different shapes.
    """
    runner.call_hook(
        "after_load_checkpoint", checkpoint=checkpoint
    )  # EMA puts its weights in place
    network = evaluated_network(runner.model)
    weights: Mapping[str, Any] = read_state_dict(checkpoint, path)
    if any(key.startswith(PREFIX) for key in weights) and not hasattr(network, "student"):
        weights = {k.removeprefix(PREFIX): v for k, v in weights.items() if k.startswith(PREFIX)}
    needed = network.state_dict()
    if any(key not in weights or weights[key].shape != needed[key].shape for key in needed):
        raise WeightsMismatchError(
            f"{path} does not fit {type(network).__name__}:\n{report(network, weights)}"
        )
    if unexpected := [key for key in weights if key not in needed]:
        print_log(f"Weights that the network has no place for: {unexpected}", "current", 30)
    network.load_state_dict(weights, strict=False)
    print_log(f"Loaded {path}", "current")
