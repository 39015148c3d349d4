"""Checks for labels and class counts that do not fit the model, before they do harm."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from mmkd.hooks.diagnosis import sample_name
from mmkd.hooks.model import distiller_of, model_of
from mmkd.networks.segmentation import ignored_label
from mmkd.registry import HOOKS

HEADS = ("head", "bbox_head", "roi_head.bbox_head", "decode_head")
IGNORED = -100  # the ignored label of torch's cross entropy


class DataError(ValueError):
    """Error for data that do not fit the model."""


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Compare the class counts of head and data, and check the labels of the first epoch.

    If the training or the validation data name their classes, their number must be the head's
    ``num_classes``. A label outside the head's classes is an error that names the sample's file.
    Without the hook such a label causes a CUDA assertion later, or a loss that is silently zero.
    Ignored labels are allowed (-100, and a segmentation head's ``ignore_index``), but the hook
    warns if all labels of a batch are ignored. Labels are checked on the CPU, only during as many
    iterations after the start (or a resume) as an epoch has.

    Raises:
        DataError: If the data do not fit. ``default_hooks=dict(data_check=None)`` turns the check
            off.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self._classes: int | None = None
        self._ignored: int | None = None
        self._left = 0

    def before_train(self, runner: Runner) -> None:
        student = _student(runner)
        self._classes = head_classes(student)
        self._ignored = ignored_label(student)
        self._left = len(runner.train_dataloader)
        for loop in (runner.train_loop, runner.val_loop):
            dataset = None if loop is None else loop.dataloader.dataset
            names = (getattr(dataset, "metainfo", None) or {}).get("classes")
            if names and self._classes is not None and len(names) != self._classes:
                raise DataError(
                    f"The student's head has {self._classes} classes, and the data "
                    f"({type(dataset).__name__}) have {len(names)}. Set the head's num_classes, "
                    "or the data set's metainfo."
                )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if self._left <= 0 or self._classes is None or not isinstance(data_batch, dict):
            return
        self._left -= 1
        samples = data_batch.get("data_samples") or []
        found = (_labels(sample, self._ignored) for sample in samples)
        labels = [label for label in found if label is not None]
        if not labels or len(labels) < len(samples):
            return
        together = torch.cat(labels)
        wrong = ((together < 0) & (together != IGNORED)) | (together >= self._classes)
        if wrong.any():
            self._refuse(samples, labels)
        if len(together) and (together == IGNORED).all():
            files = sample_name(samples[0], 0)
            label = IGNORED if self._ignored is None else self._ignored
            runner.logger.warning(f"All labels of a batch are ignored ({label}), as of {files}.")

    def _refuse(self, samples: list[Any], labels: list[Tensor]) -> None:
        for index, (sample, own) in enumerate(zip(samples, labels, strict=True)):
            for label in own.tolist():
                if label != IGNORED and not 0 <= label < (self._classes or 0):
                    raise DataError(
                        f"The label of {sample_name(sample, index)} is {label}; the student's "
                        f"head has {self._classes} classes, from 0 to {(self._classes or 0) - 1}."
                    )


def head_classes(network: nn.Module) -> int | None:
    """Return the number of classes of a network's head, or ``None`` if it is unknown."""
    for path in HEADS:
        head: Any = network
        for name in path.split("."):
            head = getattr(head, name, None)
        if isinstance(head, nn.ModuleList):
            head = head[0]
        if isinstance(count := getattr(head, "num_classes", None), int):
            return count
    return None


def _student(runner: Runner) -> nn.Module:
    distiller = distiller_of(runner)
    if distiller is not None:
        return distiller.student
    return model_of(runner)


def _labels(sample: Any, ignored: int | None) -> Tensor | None:
    """Return a data sample's class indices, flat: of pixels, objects or the image, or ``None``."""
    if (annotation := getattr(sample, "gt_sem_seg", None)) is not None:
        pixels: Tensor = annotation.data.flatten()
        return torch.where(pixels == ignored, IGNORED, pixels) if ignored is not None else pixels
    objects = getattr(sample, "gt_instances", None)
    labels = getattr(objects, "labels", None) if objects is not None else None
    labels = getattr(sample, "gt_label", None) if labels is None else labels
    return labels.flatten() if isinstance(labels, Tensor) else None
