"""Fusion of ReviewKD: each of the student's features is enriched by the deeper ones."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmkd.registry import MODELS

Shape = tuple[int, ...]


class SteadyBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that also trains on a single value per channel.

    A single value has no spread, as in a batch of one pooled vector at the end of a data set; then
    the running statistics normalise it.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.numel() == x.shape[1]):
            return super().forward(x)
        mean, variance = self.running_mean, self.running_var
        return functional.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)


class AttentionBasedFusion(nn.Module):
    """One level of the fusion (ABF).

    Args:
        channels: Number of channels of the student's map.
        mid_channels: Number of channels in which maps are fused.
        out_channels: Number of channels of the teacher's map.
        fuses: Whether there is a deeper level; the deepest one has nothing to fuse with.
    """

    def __init__(self, channels: int, mid_channels: int, out_channels: int, fuses: bool) -> None:
        super().__init__()
        reduce = nn.Conv2d(channels, mid_channels, 1, bias=False)
        expand = nn.Conv2d(mid_channels, out_channels, 3, padding=1, bias=False)
        for convolution in (reduce, expand):
            nn.init.kaiming_uniform_(convolution.weight, a=1)
        self.reduce = nn.Sequential(reduce, SteadyBatchNorm2d(mid_channels))
        self.attention = (
            nn.Sequential(nn.Conv2d(2 * mid_channels, 2, 1), nn.Sigmoid()) if fuses else None
        )
        self.expand = nn.Sequential(expand, SteadyBatchNorm2d(out_channels))

    def forward(
        self, x: Tensor, deeper: Tensor | None, size: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Return the map to compare, in the wanted size, and the fused map for the next level."""
        fused = self.reduce(x)
        if self.attention is not None:
            assert deeper is not None
            deeper = functional.interpolate(deeper, fused.shape[2:], mode="nearest")
            share = self.attention(torch.cat([fused, deeper], dim=1))
            fused = fused * share[:, :1] + deeper * share[:, 1:]
        if fused.shape[2:] != tuple(size):
            fused = functional.interpolate(fused, tuple(size), mode="nearest")
        return self.expand(fused), fused


@MODELS.register_module()
class ReviewConnector(nn.Module):
    """Fuses the student's features from the deepest to the shallowest, in the teacher's shapes.

    Distilling Knowledge via Knowledge Review (Chen et al., CVPR 2021), figure 3: each of the
    student's maps passes a 1x1 convolution and is added to the up-sampled fusion of the deeper
    maps, each weighed by an attention map computed from both; a 3x3 convolution gives the teacher's
    channels. Batch norm follows each convolution. One connector takes all features of a term. Tap
    them from shallow to deep, as many of the student as of the teacher; pooled vectors (N, C) count
    as maps of one position.

    Args:
        student_shapes: Shapes of the student's features, (N, C, H, W) or (N, C).
        teacher_shapes: Shapes of the teacher's features, likewise.
        max_mid_channels: Upper limit of the number of channels in which features are fused; below
            it, that is the number of channels of the student's deepest feature.
    """

    joint = True

    def __init__(
        self,
        student_shapes: Sequence[Shape],
        teacher_shapes: Sequence[Shape],
        max_mid_channels: int = 512,
    ) -> None:
        super().__init__()
        _check(student_shapes, teacher_shapes)
        deepest = len(student_shapes) - 1
        self.mid_channels = mid_channels = min(max_mid_channels, student_shapes[-1][1])
        self.levels = nn.ModuleList(
            AttentionBasedFusion(own[1], mid_channels, other[1], fuses=level < deepest)
            for level, (own, other) in enumerate(zip(student_shapes, teacher_shapes, strict=True))
        )

    def __str__(self) -> str:
        return f"ReviewConnector of {len(self.levels)} levels, {self.mid_channels} channels"

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> list[Tensor]:
        """Return the student's fused features, in the shapes of the teacher's."""
        levels = [*zip(self.levels, students, teachers, strict=True)]
        results, deeper = [], None
        for level, student, teacher in reversed(levels):
            x = student if student.dim() == 4 else student[:, :, None, None]
            result, deeper = level(x, deeper, teacher.shape[2:] if teacher.dim() == 4 else (1, 1))
            results.append(result if teacher.dim() == 4 else result.flatten(1))
        return results[::-1]


def _check(student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape]) -> None:
    if len(student_shapes) != len(teacher_shapes):
        raise ValueError(
            f"the student has {len(student_shapes)} features and the teacher {len(teacher_shapes)},"
            " but a review compares level by level: tap as many of each."
        )
    for shape in (*student_shapes, *teacher_shapes):
        if len(shape) not in (2, 4):
            raise ValueError(
                f"a review takes maps (N, C, H, W) and pooled vectors (N, C), not {shape}."
            )
    heights = [shape[2] if len(shape) == 4 else 1 for shape in student_shapes]
    if heights != sorted(heights, reverse=True):
        raise ValueError(
            f"the student's features have heights {', '.join(map(str, heights))}: a review goes "
            "from the deepest to the shallowest, so tap them in the order in which they are made."
        )
