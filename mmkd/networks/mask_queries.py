"""Heads whose queries give masks and a class for each mask: MaskFormer's and Mask2Former's."""

from collections.abc import Collection, Sequence
from typing import Any

from torch import Tensor, nn

from mmkd.networks.taps import Tap

# Where mmdet's detectors, and mmseg's networks, have such a head.
HEADS = ("panoptic_head", "decode_head")


def mask_head(network: nn.Module) -> str | None:
    """Return the path of a network's head of mask queries, or ``None`` if it has none."""
    for path in HEADS:
        head = getattr(network, path, None)
        if isinstance(head, nn.Module) and hasattr(head, "mask_embed"):
            return path
    return None


def run_mask_queries(
    network: Any, inputs: Tensor, data_samples: Any, _: Any, taps: Collection[Tap]
) -> None:
    """Run a network as far as its taps need it: its backbone, or its head of queries as well."""
    features = network.extract_feat(inputs)
    path = mask_head(network)
    if any(tap.path.partition(".")[0] == path for tap in taps):
        samples = data_samples if path == HEADS[0] else None
        getattr(network, str(path))(features, samples or _whole_images(inputs))


def _whole_images(inputs: Tensor) -> list[Any]:
    """Return data samples of images without padding, in mmdet's form, which mmseg's heads read."""
    from mmdet.structures import DetDataSample

    size = tuple(inputs.shape[-2:])
    return [DetDataSample(metainfo=dict(img_shape=size, batch_input_shape=size)) for _ in inputs]


def objects_of(head: Any, data_samples: Sequence[Any]) -> list[Any]:
    """Return the objects of each image of a batch as the head's own losses take them.

    Args:
        head: A head of mask queries.
        data_samples: The batch's data samples, with annotations.

    Returns:
        Their ``labels`` (G,) and ``masks`` (G, H, W) by image: instances and regions in mmdet, and
        classes of the annotation in mmseg.
    """
    if hasattr(head, "_seg_data_to_instance_data"):
        objects: list[Any] = head._seg_data_to_instance_data(data_samples)[0]
        return objects
    regions = [sample.get("gt_sem_seg") for sample in data_samples]
    instances: list[Any] = head.preprocess_gt([s.gt_instances for s in data_samples], regions)
    return instances
