"""Predictions of a teacher, over the student's classes."""

from typing import Any

import torch
from torch import Tensor

from mmkd.networks.manner import manner_of
from mmkd.teachers.class_map import ClassMap


def predictions(
    network: Any, inputs: Tensor, data_samples: list[Any], class_map: ClassMap | None
) -> list[Any]:
    """Return a network's predictions as data samples.

    Args:
        network: The network.
        inputs: Its input (N, C, H, W).
        data_samples: Data samples, which are filled in place.
        class_map: Correspondence of its classes and the student's, if they differ.
    """
    if class_map is None:
        return list(network(inputs, data_samples, mode="predict"))
    manner = manner_of(network)
    if manner.detects or manner.segments:
        found = list(network(inputs, data_samples, mode="predict"))
        for sample in found:
            if manner.segments:
                class_map.relabel_pixels(sample)
            else:
                sample.pred_instances = class_map.instances(sample.pred_instances)
        return found
    # A sample with the student's number of classes would not accept the teacher's scores.
    for sample, found in zip(data_samples, network(inputs, mode="predict"), strict=True):
        scores = class_map.scores(found.pred_score)
        sample.set_pred_score(scores).set_pred_label(scores.argmax())
    return data_samples


def classified(logits: Tensor, data_samples: list[Any], class_map: ClassMap | None) -> list[Any]:
    """Return predictions as data samples, from the logits of a network that knows no samples.

    Args:
        logits: Class logits (N, C).
        data_samples: Data samples, which are filled in place.
        class_map: Correspondence of its classes and the student's, if they differ.
    """
    for sample, scores in zip(data_samples, torch.softmax(logits.float(), dim=1), strict=True):
        mapped = scores if class_map is None else class_map.scores(scores)
        sample.set_pred_score(mapped).set_pred_label(mapped.argmax())
    return data_samples
