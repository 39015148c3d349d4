"""Loss on features before activation that ignores strongly negative teacher features (OFD)."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mmkd.losses.base.depth_weights import weigh_by_depth
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import check_alike
from mmkd.networks.taps import Tap
from mmkd.registry import MODELS

if TYPE_CHECKING:
    from mmkd.teachers import Teacher

RARE = 1e-3


def expected_negative(norm: nn.Module) -> Tensor:
    r"""Return :math:`E[x | x < 0]` of each channel of a batch norm's output, shape (C,).

    The output is distributed as :math:`x \sim N(\beta, \gamma^2)`. If less than one in a thousand
    values is negative, the result is :math:`-3 |\gamma|`, as in the published code.

    Args:
        norm: A batch norm with an affine part.
    """
    assert isinstance(norm.weight, Tensor)
    assert isinstance(norm.bias, Tensor)
    deviation, mean = norm.weight.detach().double().abs(), norm.bias.detach().double()
    ratio = mean / deviation.clamp(min=1e-12)
    share = torch.special.ndtr(-ratio)
    density = (-ratio.square() / 2).exp() / math.sqrt(2 * math.pi)
    expected = mean - deviation * density / share.clamp(min=RARE)
    return torch.where(share > RARE, expected, -3 * deviation)


def partial_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the partial L2 distance of each sample, shape (N,).

    It is the sum of squared differences over all elements, except those where the teacher is not
    active (0 or less) and the student's value is not above the teacher's.
    """
    counted = (teacher > 0) | (student > teacher)
    return ((student - teacher).square() * counted).flatten(1).sum(1)


@MODELS.register_module()
class OFDLoss(FeatureLoss):
    r"""Partial L2 distance to the teacher's features, which are cut off at a negative margin.

    A Comprehensive Overhaul of Feature Distillation (Heo et al., ICCV 2019), on features before
    their activation: the teacher's features below a negative margin are raised to this margin. Each
    channel has its own margin, the mean of the channel's negative values, which is computed from
    the parameters of the batch norm before the activation. Each layer counts half as much as the
    next deeper one. The student's features pass a connector (1x1 convolution and batch norm) first.
    In mdistiller the teacher runs in training mode; here it never does.

    Args:
        norms: Paths in the teacher of the batch norms whose outputs the features are, one for each
            tap, such as ``'backbone.layer1.4.bn2'``. In a residual block it is the last batch norm
            of the residual branch, as in the published code.
        margin: One margin for all channels, 0 or less, in place of ``norms``.
        loss_weight: Factor on the result; the literature's CIFAR-100 recipe takes 0.001.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(
        self,
        norms: Sequence[str] = (),
        margin: float | None = None,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if bool(norms) == (margin is not None):
            raise ValueError(
                "OFDLoss takes its margins from the teacher's batch norms: give their paths as "
                "`norms`, one for each tap, or else one `margin` for all."
            )
        if margin is not None and margin > 0:
            raise ValueError(f"The margin lies below zero, not at {margin}.")
        self.norms, self.margin = tuple(norms), margin

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Keep the shapes, which :meth:`attach` checks; the loss has nothing to train."""
        self._channels = [shape[1] for shape in teacher_shapes]

    def attach(
        self, student: nn.Module, teacher: "Teacher", classifiers: Mapping[str, str] | None = None
    ) -> None:
        """Compute the margins from the teacher's batch norms. A term calls it when it is built."""
        if self.norms and len(self.norms) != len(self._channels):
            raise ValueError(
                f"OFDLoss has {len(self.norms)} `norms` for {len(self._channels)} taps: name the "
                "batch norm before the activation for each of them."
            )
        for number, path in enumerate(self.norms):
            Tap(path).check(teacher.network)
            norm = teacher.network.get_submodule(path)
            if not isinstance(norm, nn.modules.batchnorm._BatchNorm) or not norm.affine:
                raise ValueError(
                    f"OFDLoss needs a batch norm at {path!r} of the teacher, and there is "
                    f"{type(norm).__name__}: name the one before the tapped activation (and leave "
                    "the teacher's fold_bn off)."
                )
            if norm.num_features != self._channels[number]:
                raise ValueError(
                    f"OFDLoss taps a feature of the teacher with {self._channels[number]} channels,"
                    f" and {path!r} has {norm.num_features}: give `norms` in the order of the taps."
                )
            self.register_buffer(f"margin_{number}", expected_negative(norm).float())

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        losses = []
        for number, (student, teacher) in enumerate(pairs):
            check_alike(self, student, teacher)
            losses.append(partial_distance(student, self.raised(number, teacher)))
        return weigh_by_depth(losses)

    def raised(self, number: int, teacher: Tensor) -> Tensor:
        """Return the teacher's map (N, C, H, W), raised to the margins of the tap's channels."""
        if self.margin is not None:
            return teacher.clamp(min=self.margin)
        margin = getattr(self, f"margin_{number}", None)
        if margin is None:
            raise ValueError(
                "OFDLoss reads the teacher's batch norms: a term of a distiller gives it these, or "
                "call its adapt(...) and attach(student, teacher)."
            )
        return torch.maximum(teacher, margin.to(teacher)[:, None, None])
