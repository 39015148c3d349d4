"""Random images with labels, for measurements that need no data."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from torch import nn

from mmkd.networks.manner import manner_of


def count_classes(model: nn.Module) -> int:
    """Return the number of classes of a network, without a detector's background."""
    owner: Any = getattr(model, "roi_head", model)
    names = ("bbox_head", "decode_head", "head")
    head: Any = next(getattr(owner, name) for name in names if hasattr(owner, name))
    # the head of a cascade's first stage
    first: Any = head[0] if isinstance(head, nn.ModuleList) else head
    return int(first.num_classes)


def semantic_stride(model: nn.Module) -> int:
    """Return the stride of the semantic segmentation maps that a detector is trained on.

    The data pipelines of HTC and SCNet, whose RoI heads have a semantic branch, downsample them.
    """
    return 8 if getattr(getattr(model, "roi_head", None), "with_semantic", False) else 1


def random_batch(
    model: nn.Module, size: int, shape: Sequence[int], boxes: int = 8
) -> dict[str, Any]:
    """Return a random batch in the form of a data loader's: ``inputs`` and ``data_samples``.

    Args:
        model: The network of mmpretrain, mmdet or mmseg that will take the batch.
        size: Number of images.
        shape: Channels, height and width.
        boxes: Number of boxes in each image for a detector, with masks if it predicts masks.
    """
    classes, manner = count_classes(model), manner_of(model)
    if manner.segments:
        return _segmentations(size, shape, classes)
    if manner.detects:
        from mmdet.testing import demo_mm_inputs

        masks = any("mask" in name for name, _ in model.named_modules())
        # A panoptic network has a semantic head of its own, HTC and SCNet one in their RoI head.
        owners = (model, getattr(model, "roi_head", None))
        heads = [getattr(owner, "semantic_head", None) for owner in owners]
        semantic: Any = next((head for head in heads if head is not None), None)
        data: dict[str, Any] = demo_mm_inputs(
            size,
            [tuple(shape)] * size,
            [boxes] * size,
            classes + 1,  # mmdet's labels begin with 1
            with_mask=masks,
            with_semantic=semantic is not None,
            sem_seg_output_strides=semantic_stride(model),
        )
        for sample in data["data_samples"]:
            sample.gt_instances.labels -= 1
            if semantic is not None:
                sample.gt_sem_seg.sem_seg %= semantic.num_classes
        if hasattr(model, "roi_head") and not hasattr(model, "rpn_head"):
            _add_proposals(data["data_samples"])
        return data
    from mmpretrain.structures import DataSample

    labels = torch.randint(0, classes, (size,)).tolist()
    return dict(
        inputs=torch.randint(0, 256, (size, *shape), dtype=torch.uint8),
        data_samples=[DataSample().set_gt_label(label) for label in labels],
    )


def _add_proposals(samples: Sequence[Any]) -> None:
    """Add an image's boxes as proposals, which detectors without an RPN (Fast R-CNN) need."""
    for sample in samples:
        sample.proposals = sample.gt_instances.clone()
        sample.proposals.pop("labels")
        sample.proposals.pop("masks", None)


def _segmentations(size: int, shape: Sequence[int], classes: int) -> dict[str, Any]:
    """Return images with a class for each pixel, and with edges, which PIDNet's head also reads."""
    from mmseg.structures import SegDataSample

    place = tuple(shape[1:])
    shapes = dict.fromkeys(("img_shape", "ori_shape", "pad_shape"), place)
    samples = []
    for _ in range(size):
        annotation = PixelData(data=torch.randint(0, classes, (1, *place)))
        edges = PixelData(data=torch.randint(0, 2, (1, *place)))
        samples.append(SegDataSample(metainfo=shapes, gt_sem_seg=annotation, gt_edge_map=edges))
    images = torch.randint(0, 256, (size, *shape), dtype=torch.uint8)
    return dict(inputs=[*images], data_samples=samples)
