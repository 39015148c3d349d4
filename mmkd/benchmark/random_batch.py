"""Random images with labels, for measurements that need no data."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from mmkd.networks.manner import manner_of


def count_classes(model: nn.Module) -> int:
    """Return how many classes a classifier or detector tells apart, without background."""
    owner: Any = getattr(model, "roi_head", model)
    head: Any = owner.bbox_head if hasattr(owner, "bbox_head") else owner.head
    first: Any = head[0] if isinstance(head, nn.ModuleList) else head  # of a cascade's stages
    return int(first.num_classes)


def random_batch(
    model: nn.Module, size: int, shape: Sequence[int], boxes: int = 8
) -> dict[str, Any]:
    """Return a batch as a data loader gives it: ``inputs`` and ``data_samples``.

    Args:
        model: The classifier of mmpretrain or detector of mmdet that it is for.
        size: How many images.
        shape: Channels, height and width.
        boxes: How many boxes each image has for a detector, with masks where it predicts masks.
    """
    classes = count_classes(model)
    if manner_of(model).detects:
        from mmdet.testing import demo_mm_inputs

        masks = any("mask" in name for name, _ in model.named_modules())
        shapes, counts = [tuple(shape)] * size, [boxes] * size
        # mmdet's labels begin with 1.
        data: dict[str, Any] = demo_mm_inputs(size, shapes, counts, classes + 1, with_mask=masks)
        for sample in data["data_samples"]:
            sample.gt_instances.labels -= 1
        return data
    from mmpretrain.structures import DataSample

    labels = torch.randint(0, classes, (size,)).tolist()
    return dict(
        inputs=torch.randint(0, 256, (size, *shape), dtype=torch.uint8),
        data_samples=[DataSample().set_gt_label(label) for label in labels],
    )
