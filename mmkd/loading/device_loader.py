"""Loader whose images are on the device before training."""

from typing import Any, ClassVar

import torch
from mmengine.device import get_device
from torch.utils.data import DataLoader

from mmkd.loading.device_images import DeviceImages
from mmkd.registry import DATALOADERS


@DATALOADERS.register_module()
class DeviceLoader(DataLoader[Any]):
    """Loader of data sets that fit into the device's memory, for small images.

    The images are one uint8 tensor on the device; a batch is cut from it by its indices, and the
    pipeline's random transforms (``RandomCrop``, ``RandomFlip``, ``Cutout``) are operations on the
    batch. Their random numbers are a function of the position of each sample, as with torch's
    loader (:class:`mmkd.hooks.ExactResumeHook`), and equal to these in distribution, not number by
    number. Normalisation is the model's data preprocessor's, as ever. Samplers, resuming, several
    processes, cohorts and the teacher store work; a store has to be built with this loader.

    A config needs ``train_dataloader=dict(type='mmkd.DeviceLoader', ...)`` in a run by
    :class:`mmkd.engine.SafeRunner`. Settings for worker processes have no effect. Every process
    holds all images.

    Args:
        dataset: The data set, see :class:`mmkd.loading.device_images.DeviceImages`.
        device: Device of the images, by default that of the run.
        **arguments: ``batch_size``, ``sampler`` and ``drop_last`` of torch's loader.

    Raises:
        TransformError: If the data set has a transform or images that this loader cannot have.
    """

    SETTINGS: ClassVar[tuple[str, ...]] = ("device",)

    def __init__(self, dataset: Any, device: str | None = None, **arguments: Any) -> None:
        images = DeviceImages(dataset, device or get_device())
        super().__init__(images, collate_fn=collate, **arguments)  # type: ignore[arg-type]


def collate(samples: Any) -> Any:
    """Return a batch that is one already, or the batch of a list of samples."""
    if isinstance(samples, dict):
        return samples
    return dict(
        inputs=torch.stack([sample["inputs"] for sample in samples]),
        data_samples=[sample["data_samples"] for sample in samples],
    )
