"""Distillers with trained weights, for inspection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.distillers import Distiller
from mmkd.networks.student import PREFIX
from mmkd.registry import MODELS
from mmkd.teachers.weights import put_student, read_state_dict


def has_distiller(config: Config) -> bool:
    """Return whether a training config's model is a :class:`mmkd.distillers.Distiller`."""
    return str(config.model.type).rpartition(".")[2] == "Distiller"


def trained_distiller(config: Config, checkpoint: str, trust: bool = False) -> Distiller:
    """Build the distiller of a config with a trained student, in eval mode.

    All terms act, regardless of their schedules, even terms that begin later or have ended.

    Args:
        config: A training config whose model is a :class:`mmkd.distillers.Distiller`.
        checkpoint: Checkpoint of the distillation run, or of its student alone.
        trust: Whether the checkpoint may hold code, see :mod:`mmkd.compat.checkpoints`.

    Raises:
        ValueError: If the config has no distiller, or the checkpoint is of a different student.
        FileNotFoundError: If the checkpoint, or that of a teacher, does not exist.
    """
    distiller = untrained_distiller(config)
    put_trained(distiller, load_checkpoint(checkpoint, trust), checkpoint)
    return distiller


def untrained_distiller(config: Config) -> Distiller:
    """Build the distiller of a config as :func:`trained_distiller` does, without a checkpoint."""
    if not has_distiller(config):
        raise ValueError("The config's model is no mmkd.Distiller: there is nothing to look at.")
    settings = config.model.to_dict()
    if "data_preprocessor" in config:
        settings.setdefault("data_preprocessor", config.data_preprocessor.to_dict())
    distiller: Distiller = MODELS.build(settings)
    for term in distiller.terms.values():
        term.schedule = None
    distiller.to(get_device()).eval()
    return distiller


def put_trained(distiller: Distiller, content: Mapping[str, Any], checkpoint: str | Path) -> None:
    """Load the content of a checkpoint of the distillation run, or of its student alone.

    Connectors and controllers are loaded too. A checkpoint of the student alone does not have them;
    they then keep their initial weights.
    """
    if put_student(distiller.student, content, checkpoint):
        weights = read_state_dict(content, checkpoint)
        own = {key: value for key, value in weights.items() if not key.startswith(PREFIX)}
        distiller.load_state_dict(own, strict=False)
