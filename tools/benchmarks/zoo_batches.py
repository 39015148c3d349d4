"""Tiny batch of random images with labels, in the form of a package's data."""

from importlib import import_module
from typing import Any

import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from torch import nn
from zoo_configs import SMALL_SIZE, path_of

from mmkd.benchmark.random_batch import random_batch, semantic_stride
from mmkd.networks.sizes import example_inputs

# Smallest images of detectors whose own layers take no level of a few pixels.
# DINO takes its 900 queries from the positions of its levels.
SMALLEST = {"DDOD": 384, "DINO": 256}
CLASSES = 2  # the labels are 0 and 1, which every data set has


def batch_for(
    package: str, network: nn.Module, spec: str, size: tuple[int, int] = SMALL_SIZE
) -> dict[str, Any]:
    """Return a batch of two for a network of that package.

    Args:
        package: Name of the package.
        network: The network.
        spec: Name of its config, at whose size it is trained.
        size: Height and width for a network of segmentation.
    """
    if package == "mmseg":
        return random_batch(network, 2, (3, *size))
    _, channels, height, width = next(example_inputs(network, str(path_of(spec)))).shape
    if package == "mmdet":
        smallest = SMALLEST.get(type(network).__name__, 128)
        shape = channels, max(height, smallest), max(width, smallest)
        masked = "'with_mask': True" in str(Config.fromfile(path_of(spec)).train_dataloader)
        return detections(network, shape, masked)
    structures = import_module("mmpretrain.structures")
    labels = [structures.DataSample().set_gt_label(y) for y in range(CLASSES)]
    for label in labels:
        label.set_field((height, width), "img_shape", field_type="metainfo")
    pixels = torch.randint(0, 256, (CLASSES, channels, height, width), dtype=torch.uint8)
    return dict(inputs=pixels, data_samples=labels)


def detections(network: nn.Module, shape: tuple[int, int, int], masked: bool) -> dict[str, Any]:
    """Return two images with boxes of objects, proposals (the same boxes), and masks on request."""
    testing = import_module("mmdet.testing")
    batch: dict[str, Any] = testing.demo_mm_inputs(
        2,
        [shape] * 2,
        num_items=[2, 2],
        num_classes=CLASSES,
        with_mask=masked,
        with_semantic=True,
        sem_seg_output_strides=semantic_stride(network),
    )
    for sample in batch["data_samples"]:
        sample.gt_instances.labels -= 1  # mmdet's example counts classes from 1, its heads from 0
        sample.proposals = InstanceData(bboxes=sample.gt_instances.bboxes.clone())
    return batch
