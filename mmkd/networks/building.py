"""Construction of a network from a config, the name or path of a config file, or a module."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mmengine.config import Config, ConfigDict
from torch import nn

from mmkd.registry import MODELS, unknown_type

Spec = dict[str, Any] | str | nn.Module
# Packages of networks, and what pip calls them.
DISTRIBUTIONS = {
    "mmpretrain": "onedl-mmpretrain",
    "mmdet": "onedl-mmdetection",
    "mmseg": "onedl-mmsegmentation",
}


def network_config(spec: dict[str, Any] | str) -> dict[str, Any]:
    """Return the model config behind a spec.

    Args:
        spec: A model config; or the path (``'configs/x.py'``) or name
            (``'mmpretrain::resnet/resnet34_8xb32_in1k.py'``) of a config file; or
            ``dict(config=<path or name>, ...)`` with settings that override those of that file's
            model. A distillation config stands for its student.

    Raises:
        ValueError: If the config file has no model.
    """
    if isinstance(spec, str):
        return _model_of_file(spec)
    model = deepcopy(dict(spec))
    if "config" in model and "type" not in model:
        merged = Config(_model_of_file(model.pop("config")))
        merged.merge_from_dict(model)
        return dict(merged.to_dict())
    scope, _, name = str(model.get("type", "")).rpartition(".")
    if scope and name:
        # A prefix on the outer type alone would leave its nested types without a scope.
        model.setdefault("_scope_", scope)
    return model


def _model_of_file(path: str) -> dict[str, Any]:
    config = Config.fromfile(path)
    if "model" not in config:
        raise ValueError(f"The config {path} defines no `model`.")
    model = config.model.to_dict()
    if (student := student_spec(model)) is not None:
        model = network_config(student)
    prefix = str(model["type"]).rpartition(".")[0]
    model.setdefault("_scope_", config.get("default_scope") or prefix or "mmengine")
    if "data_preprocessor" in config:
        model.setdefault("data_preprocessor", config.data_preprocessor.to_dict())
    return dict(model)


class TrainsStudent(ABC):
    """Base class of models that train another network, the student, named in their config."""

    @classmethod
    @abstractmethod
    def student_of(cls, model: Mapping[str, Any]) -> Any:
        """Return the description of the student in the model's config."""


def student_spec(model: Mapping[str, Any]) -> Any:
    """Return the student's description in a distiller's config; ``None`` for other models."""
    name = model.get("type")
    known = isinstance(name, str) and name.partition(".")[0] == "mmkd"
    kind = MODELS.get(str(name)) if known else name
    if isinstance(kind, type) and issubclass(kind, TrainsStudent):
        return kind.student_of(model)
    return None


def build_network(config: dict[str, Any]) -> nn.Module:
    """Build a network from its config.

    Raises:
        ModuleNotFoundError: If the package of the network is not installed.
        UnknownPartError: If it names a type that does not exist.
    """
    scope = config.get("_scope_") or str(config["type"]).rpartition(".")[0]
    if scope in DISTRIBUTIONS:
        _require(scope)
    try:
        # mmdet reads nested settings as attributes.
        network: nn.Module = MODELS.build(ConfigDict(config))
    except (KeyError, RuntimeError) as error:
        if unknown := unknown_type(error):
            raise unknown from error
        raise
    return network


def _require(package: str) -> None:
    try:
        __import__(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(
            f"This config takes a network from {package}, which is not installed. Install it with "
            f"`pip install --no-build-isolation {DISTRIBUTIONS[package]}`, or run "
            "`python -m mmkd doctor`.",
            name=package,
        ) from error
