"""Loader that moves all images to the device before training."""

from typing import Any, ClassVar

import torch
from mmengine.device import get_device
from torch.utils.data import DataLoader

from mmkd.loading.device_images import DeviceImages
from mmkd.registry import DATALOADERS


@DATALOADERS.register_module()
class DeviceLoader(DataLoader[Any]):
    """Loader of data sets that fit into the device's memory, for small images.

    The images are one uint8 tensor on the device. A batch is taken from it by indices, and the
    pipeline's random transforms (``RandomCrop``, ``RandomFlip``, ``Cutout``) are applied to the
    batch as a whole. Their random numbers depend on the position of each sample, as with torch's
    loader (:class:`mmkd.hooks.ExactResumeHook`); they have the same distribution as there, but not
    the same values. The model's data preprocessor normalises the images, as usual. Samplers,
    resuming, several processes, cohorts and the teacher store work with this loader; a store has to
    be built with it, too.

    To use it, write ``train_dataloader=dict(type='mmkd.DeviceLoader', ...)`` in the config of a run
    by :class:`mmkd.engine.SafeRunner`. Settings for worker processes have no effect. Every process
    holds all images.

    Args:
        dataset: The data set, see :class:`mmkd.loading.device_images.DeviceImages`.
        device: Device of the images, by default that of the run.
        **arguments: ``batch_size``, ``sampler`` and ``drop_last`` of torch's loader.

    Raises:
        TransformError: If this loader does not support a transform or the images of the data set.
    """

    SETTINGS: ClassVar[tuple[str, ...]] = ("device",)

    def __init__(self, dataset: Any, device: str | None = None, **arguments: Any) -> None:
        images = DeviceImages(dataset, device or get_device())
        super().__init__(images, collate_fn=collate, **arguments)  # type: ignore[arg-type]


def collate(samples: Any) -> Any:
    """Return a batch unchanged, or collate a list of samples into a batch."""
    if isinstance(samples, dict):
        return samples
    return dict(
        inputs=torch.stack([sample["inputs"] for sample in samples]),
        data_samples=[sample["data_samples"] for sample in samples],
    )
