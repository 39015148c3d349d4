"""Models of composed configs: a student with teachers, peers, or a student alone."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

from mmkd.composition.teachers import TeacherChoice
from mmkd.engine.launch import ArgumentError
from mmkd.networks.building import network_config

DISTILLER = "mmkd.Distiller"
MUTUAL = "mmkd.MutualDistiller"


def finish_model(config: Config, method: str, teachers: Sequence[TeacherChoice]) -> None:
    """Give the model of a composed config the form that its methods need.

    Methods with terms need teachers. Methods of mutual learning train the student and its peers:
    the networks that the caller named as teachers, or else one more network like the student.
    Methods that only change the student's own losses keep a plain student.

    Args:
        config: The config, with the settings of the methods.
        method: The methods' names, for errors.
        teachers: The teachers that the caller named.

    Raises:
        ArgumentError: If the teachers that the caller named do not fit the methods.
    """
    model = config.model
    if model.type == MUTUAL:
        _learn_mutually(model, method, teachers)
    elif model.type == DISTILLER and model.terms:
        if "teacher" not in model and "teachers" not in model:
            raise ArgumentError(
                f"The method {method!r} needs a teacher: --teacher CONFIG [CHECKPOINT]."
            )
    elif teachers:
        raise ArgumentError(f"The method {method!r} takes no teacher: leave --teacher out.")
    else:
        for name in ("teacher", "teachers"):
            model.pop(name, None)
        if model.type == DISTILLER:
            config.model = network_config(model.student.to_dict())


def _learn_mutually(model: Any, method: str, teachers: Sequence[TeacherChoice]) -> None:
    """Turn a student and the networks named as teachers into networks that learn together."""
    trained = [choice.checkpoint for choice in teachers if choice.checkpoint is not None]
    if trained:
        raise ArgumentError(
            f"The networks of {method!r} learn together from the start, without a checkpoint: "
            f"write --teacher CONFIG random in place of {trained[0]}."
        )
    peers: dict[str, Any] = {
        choice.name or f"peer{number}": choice.model for number, choice in enumerate(teachers)
    }
    for name in ("terms", "teacher", "teachers"):
        model.pop(name, None)
    student = model.pop("student")
    model.students = dict(first=student, **(peers or dict(peer=student)))
