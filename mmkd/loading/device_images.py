"""Images of a data set in one tensor, from which batches are taken by index."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmpretrain.structures import DataSample
from numpy.typing import NDArray
from torch import Tensor

from mmkd.loading.batch_transforms import BatchTransform, TransformError, batched, runs_once

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIXERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


class DeviceSample(DataSample):
    """Data sample whose label is already on the device; its fields are not checked, for speed."""

    @classmethod
    def of(cls, label: Tensor, metainfo: dict[str, Any]) -> "DeviceSample":
        """Return a sample with a label (1,)."""
        sample: DeviceSample = cls.__new__(cls)
        sample.__dict__.update(
            _metainfo_fields={*metainfo}, _data_fields={"gt_label"}, gt_label=label, **metainfo
        )
        return sample

    def to(self, *arguments: Any, **named: Any) -> Any:
        """Return this sample if its label is already on the device, otherwise a copy."""
        if self.gt_label.to(*arguments, **named) is self.gt_label:
            return self
        return super().to(*arguments, **named)


class DeviceImages:
    """A data set of mmpretrain, with its images as one uint8 tensor (N, H, W, C) on a device.

    This object also has the attributes of the data set, such as ``metainfo``.

    Args:
        dataset: The data set. The deterministic transforms of its pipeline, such as reading files,
            run only once; its random transforms become operations on batches.
        device: The device.

    Raises:
        TransformError: If there is no operation for a transform, if images differ in size, are not
            uint8 or do not have exactly one label, or if they do not fit into the GPU's free
            memory.
    """

    def __init__(self, dataset: Any, device: torch.device | str) -> None:
        self.dataset = dataset
        once, self.transforms = _split(dataset)
        self.images, self.labels = _read(dataset, once, torch.device(device))
        self.sizes = [transform.draws for transform in self.transforms]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "dataset":
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        batch = self.__getitems__([index])
        return dict(inputs=batch["inputs"][0], data_samples=batch["data_samples"][0])

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """Return a batch; its transforms are seeded from torch's global generator."""
        seeds = torch.randint(2**63 - 1, (len(indices),)).tolist()
        return self.load_batch(indices, seeds)

    def load_batch(self, indices: Sequence[int], seeds: Sequence[int]) -> dict[str, Any]:
        """Return ``inputs`` (B, C, H, W), uint8, and ``data_samples`` of some samples.

        Args:
            indices: Indices of the samples.
            seeds: 64 bits for each sample; the sample's random numbers depend on them alone.
        """
        rows = torch.tensor([int(index) for index in indices], device=self.images.device)
        inputs = self.augmented(rows, seeds)
        shape = dict(ori_shape=(*self.images.shape[1:3],), img_shape=(*inputs.shape[2:],))
        labels = self.labels[rows, None].unbind()
        samples = [
            DeviceSample.of(label, dict(shape, sample_idx=int(index)))
            for label, index in zip(labels, indices, strict=True)
        ]
        return dict(inputs=inputs, data_samples=samples)

    def augmented(self, rows: Tensor, seeds: Sequence[int] | NDArray[Any]) -> Tensor:
        """Return the images of ``rows`` (B,) after the random transforms, (B, C, H, W), uint8.

        Args:
            rows: Indices of the samples, on the device.
            seeds: As in :meth:`load_batch`.
        """
        images, draws, taken = self.images[rows], uniform(seeds, sum(self.sizes)), 0
        for transform, size in zip(self.transforms, self.sizes, strict=True):
            images = transform(images, draws[:, taken : taken + size])
            taken += size
        # For grey images `contiguous` would not change the strides, and with these strides a
        # convolution's backward pass corrupts memory (seen on a CPU with torch 2.13).
        return images.permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)


def uniform(seeds: Sequence[int] | NDArray[Any], count: int) -> NDArray[np.float64]:
    """Return random numbers in [0, 1), shape (len(seeds), count): a hash of seed and column.

    The hash is SplitMix64 (Steele et al., 2014): a counter that grows in steps of the golden ratio,
    and whose bits are then mixed.
    """
    bits = np.array(seeds, dtype=np.uint64)[:, None] + GOLDEN * np.arange(
        1, count + 1, dtype=np.uint64
    )
    for shift, factor in MIXERS:
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    numbers = (bits >> np.uint64(11)).astype(np.float64)
    numbers *= 2.0**-53
    return numbers


def _split(dataset: Any) -> tuple[list[Any], list[BatchTransform]]:
    """Return a pipeline's transforms that run once, and operations on batches for the others."""
    transforms = getattr(getattr(dataset, "pipeline", None), "transforms", None)
    if transforms is None or not hasattr(dataset, "get_data_info"):
        raise TransformError(
            f"{type(dataset).__name__} has no pipeline of its own: mmkd.DeviceLoader takes a data "
            "set of mmpretrain's BaseDataset, without another around it."
        )
    names = [type(transform).__name__ for transform in transforms]
    if names[-1:] != ["PackInputs"] or transforms[-1].algorithm_keys:
        raise TransformError(
            f"The pipeline {', '.join(names)} does not end with PackInputs without algorithm_keys: "
            "mmkd.DeviceLoader gives images with one class each."
        )
    once: list[Any] = []
    operations: list[BatchTransform] = []
    for name, transform in zip(names[:-1], transforms, strict=False):
        if (operation := batched(transform)) is not None:
            operations.append(operation)
        elif not operations and runs_once(transform):
            once.append(transform)
        else:
            late = " after a random transform" if operations else ""
            raise TransformError(
                f"mmkd.DeviceLoader has no {name}{late}: it reads images, resizes them, and crops, "
                "flips and cuts out at random (LoadImageFromFile, Resize, ResizeEdge, CenterCrop; "
                "RandomCrop, RandomFlip, Cutout). Take torch's loader for this pipeline: no `type` "
                "in the dataloader."
            )
    return once, operations


def _read(dataset: Any, once: list[Any], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the images (N, H, W, C) and the labels (N,) of a data set on a device."""
    count, images, labels = len(dataset), None, []
    for index in range(count):
        sample = dataset.get_data_info(index)
        for transform in once:
            sample = transform(sample)
        image, label = np.atleast_3d(sample["img"]), sample.get("gt_label")
        if images is None:
            _check_room(count * image.nbytes, device)
            images = torch.empty((count, *image.shape), dtype=torch.uint8)
        if image.dtype != np.uint8 or image.shape != images.shape[1:]:
            raise TransformError(
                f"Image {index} is {image.dtype} of shape {image.shape}: mmkd.DeviceLoader needs "
                f"uint8 images of one size, here {(*images.shape[1:],)}. Resize them first in the "
                "pipeline, to both sides."
            )
        if not isinstance(label, int | np.integer):
            raise TransformError(
                f"Image {index} has the label {label!r}: mmkd.DeviceLoader needs one class each."
            )
        images[index] = torch.from_numpy(np.ascontiguousarray(image))
        labels.append(int(label))
    if images is None:
        raise TransformError(f"{type(dataset).__name__} has no images.")
    return images.to(device), torch.tensor(labels, device=device)


def _check_room(needed: int, device: torch.device) -> None:
    """Raise an error if there is no room for so many bytes on a GPU."""
    if device.type == "cuda" and needed > (free := torch.cuda.mem_get_info(device)[0]):
        raise TransformError(
            f"The images are {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB of {device} are "
            "free. Keep them in the host's memory, device='cpu', or take torch's loader."
        )
