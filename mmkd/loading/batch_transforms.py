"""Random transforms of mmpretrain's pipelines as operations on a batch of images."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

Draws = NDArray[np.float64]


class TransformError(ValueError):
    """Error for a pipeline that cannot be computed on batches."""


class BatchTransform(ABC):
    """A random transform of images (B, H, W, C) of any dtype.

    Attributes:
        draws: Number of random numbers that the transform needs for each image.
    """

    draws: ClassVar[int]

    @abstractmethod
    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """Return the images, (B, h, w, C).

        Args:
            images: The images.
            draws: Random numbers in [0, 1), shape (B, draws).
        """


class BatchCrop(BatchTransform):
    """Padding and crop at a random place, as mmpretrain's ``RandomCrop``.

    Args:
        crop_size: Height and width, or one number.
        padding: Pixels on each side: one number, (left and right, top and bottom), or (left, top,
            right, bottom).
        pad_val: Value of the padding.
    """

    draws = 2

    def __init__(
        self,
        crop_size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_val: float = 0,
    ) -> None:
        self.size = (crop_size, crop_size) if isinstance(crop_size, int) else (*crop_size,)
        sides = [padding or 0] * 4 if padding is None or isinstance(padding, int) else [*padding]
        self.left, self.top, self.right, self.bottom = sides * (4 // len(sides))
        self.value = pad_val

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        # `pad` takes the last dimension, the channels, first.
        sides = (0, 0, self.left, self.right, self.top, self.bottom)
        images = pad(images, sides, value=self.value) if any(sides) else images
        places = []
        for axis, size in enumerate(self.size):
            free = images.shape[1 + axis] - size
            if free < 0:
                raise TransformError(
                    f"RandomCrop takes {self.size[0]} x {self.size[1]} pixels of images of "
                    f"{images.shape[1]} x {images.shape[2]} with their padding: give a smaller "
                    "crop_size, or more padding."
                )
            begin = (draws[:, axis] * (free + 1)).astype(np.int64)
            places.append(torch.from_numpy(begin[:, None] + np.arange(size)).to(images.device))
        batch = torch.arange(len(images), device=images.device)[:, None, None]
        return images[batch, places[0][:, :, None], places[1][:, None, :]]


class BatchFlip(BatchTransform):
    """Flip with a probability, as mmcv's ``RandomFlip``.

    Args:
        prob: The probability.
        direction: ``'horizontal'`` or ``'vertical'``.
    """

    draws = 1

    def __init__(self, prob: float, direction: str = "horizontal") -> None:
        self.prob, self.axis = prob, dict(horizontal=2, vertical=1)[direction]

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        flips = torch.from_numpy(draws[:, 0] < self.prob).to(images.device)
        return torch.where(flips[:, None, None, None], images.flip(self.axis), images)


class BatchCutout(BatchTransform):
    """Rectangle around a random point, filled with a constant, as mmpretrain's ``Cutout``.

    Args:
        shape: Height and width of the rectangle, or one number for both.
        pad_val: Value of the filled pixels: one number, or one for each channel.
        prob: Probability with which the rectangle is filled.
    """

    draws = 3

    def __init__(
        self, shape: int | Sequence[int], pad_val: int | Sequence[int] = 128, prob: float = 0.5
    ) -> None:
        self.shape = (shape, shape) if isinstance(shape, int) else (*shape,)
        self.value, self.prob = torch.tensor(pad_val), prob

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        masks = []
        for axis, side in enumerate(self.shape):
            length = images.shape[1 + axis]
            # mmcv calls np.random.uniform(length), which draws between length and 1.
            middle = length + (1 - length) * draws[:, 1 + axis]
            begin = np.maximum(0, middle - side / 2).astype(np.int64)
            place = np.arange(length)
            masks.append((place >= begin[:, None]) & (place < begin[:, None] + side))
        inside = masks[0][:, :, None] & masks[1][:, None, :]
        inside &= (draws[:, 0] < self.prob)[:, None, None]
        filled = torch.from_numpy(inside).to(images.device)[..., None]
        return torch.where(filled, self.value.to(images), images)


def batched(transform: Any) -> BatchTransform | None:
    """Return the operation on batches for a pipeline's random transform; ``None`` for others.

    Raises:
        TransformError: If there is no operation for the transform's settings.
    """
    name = type(transform).__name__
    if name not in MADE or not _from_stack(transform):
        return None
    kind, needed = MADE[name]
    for setting, allowed in needed.items():
        value = getattr(transform, setting)
        if not allowed(value):
            raise TransformError(
                f"mmkd.DeviceLoader has no {name} with {setting}={value!r}. Change it, or take "
                "torch's loader for this pipeline: no `type` in the dataloader."
            )
    names = [*inspect.signature(kind.__init__).parameters][1:]
    made: BatchTransform = kind(**{name: getattr(transform, name) for name in names})
    return made


def runs_once(transform: Any) -> bool:
    """Return whether a transform is deterministic, so that it can run once before training."""
    return type(transform).__name__ in FIXED and _from_stack(transform)


def _from_stack(transform: Any) -> bool:
    return type(transform).__module__.split(".")[0] in ("mmcv", "mmpretrain")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


FIXED = {"LoadImageFromFile", "Resize", "ResizeEdge", "CenterCrop"}
# The operation on batches for each transform, and checks of the settings that it supports.
MADE: dict[str, tuple[type[Any], dict[str, Callable[[Any], bool]]]] = {
    "RandomCrop": (BatchCrop, dict(pad_if_needed=lambda value: not value, pad_val=_is_number)),
    "RandomFlip": (
        BatchFlip,
        dict(prob=_is_number, direction=lambda value: value in ("horizontal", "vertical")),
    ),
    "Cutout": (BatchCutout, dict(shape=lambda value: value is not None)),
}
