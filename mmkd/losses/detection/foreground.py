"""Masks of the objects of the ground truth on the maps of a detector."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def relative_boxes(data_samples: Sequence[Any] | None, padded: bool = True) -> list[Tensor]:
    """Return each image's ground-truth boxes, relative to the network's input, (B, 4) in [0, 1].

    The input has the size to which the images of a batch were padded, so that a box lies on a
    feature map where it lies in the input. Ignored regions, such as crowds, give no box.

    Args:
        data_samples: The images' data samples.
        padded: Whether the boxes are relative to the padded input or to the image without padding.
    """
    boxes = []
    for sample in data_samples or ():
        if "gt_instances" not in sample or "bboxes" not in sample.gt_instances:
            break
        box = sample.gt_instances.bboxes
        box = box if isinstance(box, Tensor) else box.tensor
        shape = sample.metainfo
        whole = shape.get("batch_input_shape") if padded else None
        height, width = whole or shape["img_shape"]
        boxes.append((box / box.new_tensor([width, height, width, height])).clamp(0, 1))
    if not data_samples or len(boxes) < len(data_samples):
        raise ValueError(
            "A loss on the foreground needs the ground-truth boxes of each image "
            "(data_samples with gt_instances.bboxes): it is for detectors, in training."
        )
    return boxes


def foreground_mask(boxes: Tensor, height: int, width: int) -> Tensor:
    """Return a mask with 1 / area inside each box, 0 outside, the maximum where boxes overlap.

    Args:
        boxes: Shape (B, 4), left, top, right and bottom in [0, 1] of the map.
        height: Height of the map; areas count positions, and include a box's last row and column.
        width: Width of the map.
    """
    size = boxes.new_tensor([width, height])
    first, last = (boxes[:, :2] * size).floor(), (boxes[:, 2:] * size).ceil()
    columns, rows = (torch.arange(n, device=boxes.device) for n in (width, height))
    x = (columns >= first[:, :1]) & (columns <= last[:, :1])
    y = (rows >= first[:, 1:]) & (rows <= last[:, 1:])
    value = 1 / (last - first + 1).prod(1)
    mask = (y[:, :, None] & x[:, None, :]) * value[:, None, None]
    return torch.cat([mask, mask.new_zeros(1, height, width)]).amax(0)


def background_mask(foreground: Tensor) -> Tensor:
    """Return a mask (H, W): 1 / n at the n positions without foreground, and 0 elsewhere."""
    outside = foreground == 0
    return outside / outside.sum().clamp(min=1)
