"""Conversion of the student's normalised input into the teacher's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Normalization:
    """Preparation of pixels by a network's data preprocessor.

    Attributes:
        mean: Number that is subtracted, one value per channel, in pixel units (0 to 255).
        std: Divisor, one value per channel.
        flips_channels: Whether the channels of the loaded image are reversed, BGR to RGB or back.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    flips_channels: bool

    @classmethod
    def of(cls, network: nn.Module) -> "Normalization | None":
        """Read the normalisation from a network's data preprocessor; ``None`` if unknown."""
        preprocessor: Any = getattr(network, "data_preprocessor", None)
        enabled = getattr(preprocessor, "_enable_normalize", None)
        if enabled is None:
            return None
        flips = bool(
            getattr(preprocessor, "to_rgb", False)
            or getattr(preprocessor, "_channel_conversion", False)
        )
        if not enabled:
            return cls((0.0,), (1.0,), flips)
        mean, std = preprocessor.mean.flatten().tolist(), preprocessor.std.flatten().tolist()
        return cls(tuple(mean), tuple(std), flips)


@dataclass(frozen=True)
class Pixels:
    """Normalisation of RGB images, whatever the order in which they are loaded.

    Attributes:
        mean: Number that is subtracted, one value per channel, in pixel units (0 to 255).
        std: Divisor, one value per channel, all above 0.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def parse(cls, settings: Mapping[str, Sequence[float]] | None) -> "Pixels | None":
        """Read a normalisation from ``dict(mean=[...], std=[...])``.

        Raises:
            ValueError: If it is anything else.
        """
        if settings is None:
            return None
        if set(settings) != {"mean", "std"} or not all(std > 0 for std in settings["std"]):
            raise ValueError(
                f"{dict(settings)} is no normalisation: write dict(mean=[...], std=[...]), one "
                "number for each channel of RGB images, in units of pixels from 0 to 255."
            )
        return cls(tuple(settings["mean"]), tuple(settings["std"]))

    @classmethod
    def of_unit(cls, mean: Sequence[float], std: Sequence[float]) -> "Pixels":
        """Return the normalisation of images whose pixels are numbers from 0 to 1."""
        in_pixels = (tuple(round(255.0 * value, 6) for value in values) for values in (mean, std))
        return cls(*in_pixels)

    def beside(self, student: Normalization | None, loaded_bgr: bool | None) -> Normalization:
        """Return the normalisation for images that are loaded for a student.

        Args:
            student: The student's normalisation.
            loaded_bgr: Whether the images are loaded as BGR. If it is not known, ``None``, the
                student is assumed to take RGB images.
        """
        takes_rgb = student is not None and student.flips_channels
        return Normalization(self.mean, self.std, takes_rgb if loaded_bgr is None else loaded_bgr)


class Renormalize(nn.Module):
    """Undo the student's normalisation and apply the teacher's, in one affine step.

    The random augmentation of the batch comes before this step, and both networks share it.
    Mixtures of images (Mixup, CutMix) stay mixtures with the same weights, because the map is
    affine.

    Args:
        student: Normalisation of the input.
        teacher: Normalisation of the output.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, student: Normalization, teacher: Normalization) -> None:
        super().__init__()
        channels = {len(values) for values in (student.mean, teacher.mean)} - {1}
        if len(channels) > 1:
            raise ValueError(
                f"the student's preprocessor has {len(student.mean)} channels and the teacher's "
                f"{len(teacher.mean)}: give both the same images."
            )
        self.flip = student.flips_channels != teacher.flips_channels
        step = -1 if self.flip else 1
        student_mean, student_std = (
            torch.tensor(values[::step], dtype=torch.float64)
            for values in (student.mean, student.std)
        )
        teacher_mean, teacher_std = (
            torch.tensor(values, dtype=torch.float64) for values in (teacher.mean, teacher.std)
        )
        scale, shift = student_std / teacher_std, (student_mean - teacher_mean) / teacher_std
        self.identity = not self.flip and bool((scale == 1).all() and (shift == 0).all())
        self.register_buffer("scale", scale.float().view(-1, 1, 1))
        self.register_buffer("shift", shift.float().view(-1, 1, 1))

    def forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        """Return images (N, C, H, W) in the teacher's normalisation and channel order.

        If images of several sizes were padded (mmdet), the padding keeps its value.
        """
        if self.flip and inputs.shape[1] == 3:
            inputs = inputs.flip(1)
        images = inputs * self.scale + self.shift
        samples = data_samples if isinstance(data_samples, list | tuple) else ()
        for image, given, sample in zip(images, inputs, samples, strict=False):
            if "batch_input_shape" in sample:
                height, width = sample.img_shape[:2]
                image[:, height:], image[:, :, width:] = given[:, height:], given[:, :, width:]
        return images
