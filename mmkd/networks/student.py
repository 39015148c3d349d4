"""Plain student: its weights from a distiller's checkpoint, and its model config."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from mmkd.networks.building import network_config

PREFIX = "student."
KEPT_META = ("dataset_meta", "epoch", "iter", "experiment_name", "time", "mmengine_version")


def student_checkpoint(checkpoint: Mapping[str, Any], member: str = "") -> dict[str, Any]:
    """Return the plain student's checkpoint, under the keys that stock OpenMMLab loads strictly.

    Args:
        checkpoint: Checkpoint that MMEngine's Runner saved for a
            :class:`mmkd.distillers.Distiller` or a :class:`mmkd.distillers.Cohort`.
        member: Name of the student in the cohort.

    Raises:
        ValueError: If it contains no student.
    """
    weights: Mapping[str, Tensor] = checkpoint.get("state_dict", {})
    prefix = f"{member}.{PREFIX}" if member else PREFIX
    student = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    if not student:
        raise ValueError(
            f"The checkpoint holds no student: none of its keys begins with {prefix!r}. Is it a "
            "plain model's checkpoint already?"
        )
    meta = {key: value for key, value in checkpoint.get("meta", {}).items() if key in KEPT_META}
    return dict(meta=meta, state_dict=student)


def student_model(
    student: dict[str, Any] | str, data_preprocessor: dict[str, Any] | nn.Module | None
) -> dict[str, Any]:
    """Return the model config of a distiller's student.

    Args:
        student: The description of the student in the distiller's config.
        data_preprocessor: The data preprocessor of the training config. It overrides the one in the
            file of the student's config.
    """
    model = network_config(student)
    says = not isinstance(student, str) and "data_preprocessor" in student
    if data_preprocessor is not None and not says:
        model["data_preprocessor"] = deepcopy(data_preprocessor)
    return model
