"""Predictions of a teacher as data samples, with which it is evaluated."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mmkd.teachers.teacher import Teacher


def predictions(teacher: "Teacher", inputs: Tensor, data_samples: list[Any]) -> list[Any]:
    """Return predictions over the student's classes.

    Args:
        teacher: The teacher.
        inputs: Images (N, C, H, W) that are prepared for the teacher's network.
        data_samples: Data samples, which are filled in place.

    Raises:
        ValueError: If the network gives no class scores.
    """
    network, class_map = teacher.network, teacher.class_map
    if not teacher.manner.computes_losses:
        return _classified(teacher, inputs, data_samples)
    if class_map is None:
        return list(network(inputs, data_samples, mode="predict"))
    if teacher.manner.detects:
        found = network(inputs, data_samples, mode="predict")
        for sample in found:
            sample.pred_instances = class_map.instances(sample.pred_instances)
        return list(found)
    # A sample with the student's number of classes would not accept the teacher's scores.
    for sample, prediction in zip(data_samples, network(inputs, mode="predict"), strict=True):
        scores = class_map.scores(prediction.pred_score)
        sample.set_pred_score(scores).set_pred_label(scores.argmax())
    return data_samples


def _classified(teacher: "Teacher", inputs: Tensor, data_samples: list[Any]) -> list[Any]:
    """Return the softmax of the logits of a network that knows no data samples."""
    if teacher.classes is None:
        raise ValueError("The teacher gives no class scores, so that it cannot predict.")
    for sample, logits in zip(data_samples, teacher.logits_of(inputs), strict=True):
        scores = torch.softmax(logits.float(), dim=0)
        if teacher.class_map is not None:
            scores = teacher.class_map.scores(scores)
        sample.set_pred_score(scores).set_pred_label(scores.argmax())
    return data_samples
