"""Two images with objects, for a detector that computes its losses when a model is built."""

from typing import Any

import numpy as np
from torch import Tensor

# Left, top, right and bottom, as shares of an image: objects of all sizes, for all levels.
BOXES = (
    (0.05, 0.1, 0.2, 0.22),
    (0.5, 0.1, 0.9, 0.4),
    (0.1, 0.3, 0.85, 0.95),
    (0.6, 0.6, 0.75, 0.8),
)


def example_samples(
    inputs: Tensor, classes: int, with_masks: bool, rotated: bool = False
) -> list[Any]:
    """Return data samples with boxes; image ``i`` has objects of class ``i`` only.

    Args:
        inputs: The images, shape (N, C, H, W).
        classes: Number of classes; the images take turns through them.
        with_masks: Whether objects have masks, too, which mmdet's assigners read if they exist.
        rotated: Whether the boxes are mmrotate's rotated boxes; those of the examples are upright.
    """
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    height, width = inputs.shape[-2:]
    boxes = inputs.new_tensor(BOXES) * inputs.new_tensor([width, height, width, height])
    size = (height, width)
    samples = []
    for image in range(len(inputs)):
        own = boxes if image % 2 == 0 else boxes.roll(1, 0) * 0.9
        labels = own.new_full((len(own),), image % classes).long()
        instances = InstanceData(bboxes=_rotated(own) if rotated else own, labels=labels)
        if with_masks:
            instances.masks = _filled(own, height, width)
        meta = dict(
            img_shape=size, ori_shape=size, pad_shape=size, batch_input_shape=size,
            scale_factor=(1.0, 1.0), img_id=image,
        )  # fmt: skip
        sample = DetDataSample(metainfo=meta)
        sample.gt_instances, sample.ignored_instances = instances, instances[:0]
        samples.append(sample)
    return samples


def _rotated(boxes: Tensor) -> Any:
    """Return boxes (B, 4) as rotated boxes, by a conversion that mmrotate registers."""
    from mmdet.structures.bbox import HorizontalBoxes

    return HorizontalBoxes(boxes).convert_to("rbox")


def _filled(boxes: Tensor, height: int, width: int) -> Any:
    """Return mmdet's masks that fill boxes (B, 4)."""
    from mmdet.structures.mask import BitmapMasks

    masks = np.zeros((len(boxes), height, width), dtype=np.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes.int().tolist(), strict=True):
        mask[top : bottom + 1, left : right + 1] = 1
    return BitmapMasks(masks, height, width)
