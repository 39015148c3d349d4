"""Logit loss between similarities to a queue of the teacher's features (SEED)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_gather
from torch import Tensor, nn
from torch.nn.functional import normalize

from mmkd.contracts import traits_of_loss
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import channels_of, check_alike, pooled
from mmkd.registry import MODELS


@MODELS.register_module()
class SEEDLoss(FeatureLoss):
    r"""Logit loss on the similarities of each feature to a queue of the teacher's earlier features.

    SEED: Self-supervised Distillation for Visual Representation (Fang et al., ICLR 2021). With
    normalised features z, the sample's own teacher feature :math:`q_0` and a queue of the teacher's
    earlier features :math:`q_1, ..., q_K`, the similarities :math:`z \cdot q_k / \tau` of student
    and teacher are K + 1 logits, and any loss on logits compares them; the paper takes the
    cross-entropy, whose gradient is that of :class:`mmkd.KDLoss` at temperature 1. In this way
    images without labels have distributions and entropies, so that a sample weight such as
    :class:`mmkd.EntropyWeight` can weigh them. This combination is not in the paper. In training
    the batch enters the queue after it was compared.

    The queue begins with random directions. All processes have the same queue, which is part of a
    checkpoint: 4 K D bytes for features of D numbers. Maps and tokens are averaged over their
    positions. The defaults are those of the released code. With the default ``teacher_temperature``
    almost all of the teacher's probability is on the sample itself, so that a weight that reads
    entropies needs a higher one.

    Args:
        loss: Config of the loss on logits, per sample.
        sample_weight: Config of a sample weight that reads these logits, or ``None``.
        size: Number of places K of the queue.
        student_temperature: :math:`\tau` of the student.
        teacher_temperature: :math:`\tau` of the teacher.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    queue: Tensor
    place: Tensor

    def __init__(
        self,
        loss: dict[str, Any],
        sample_weight: dict[str, Any] | None = None,
        size: int = 65536,
        student_temperature: float = 0.2,
        teacher_temperature: float = 1e-4,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if size < 2 or student_temperature <= 0 or teacher_temperature <= 0:
            raise ValueError(
                "SEEDLoss needs a queue of at least 2 places and temperatures above 0, not "
                f"{size}, {student_temperature} and {teacher_temperature}."
            )
        self.loss: nn.Module = MODELS.build(loss)
        traits = traits_of_loss(self.loss)
        if traits.relational or traits.needs_labels:
            raise ValueError(
                f"SEEDLoss compares the samples one by one and without labels, and "
                f"{type(self.loss).__name__} cannot: take one that does, such as mmkd.KDLoss."
            )
        self.weigh = None if sample_weight is None else MODELS.build(sample_weight)
        self.size = size
        self.temperatures = student_temperature, teacher_temperature
        self.register_buffer("queue", torch.empty(0))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Fill the queue with random directions, as wide as the teacher's feature."""
        if len(teacher_shapes) != 1:
            raise ValueError(
                f"SEEDLoss compares one feature of each network, not {len(teacher_shapes)}: tap "
                "'@pooled' of both."
            )
        self.queue = normalize(torch.randn(self.size, channels_of(teacher_shapes[0])), dim=1)

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        if not len(self.queue):
            raise ValueError(
                "SEEDLoss has no queue yet: call its adapt(student_shapes, teacher_shapes)."
            )
        check_alike(self, student, teacher)
        own, theirs = normalize(pooled(student), dim=1), normalize(pooled(teacher), dim=1)
        # A clone: the batch is written into the queue, whose values the gradients need.
        queue = self.queue.clone()
        if self.training:
            self.remember(theirs)
        logits = [
            torch.cat([(z * theirs).sum(1, keepdim=True), z @ queue.T], dim=1) / temperature
            for z, temperature in zip((own, theirs), self.temperatures, strict=True)
        ]
        each: Tensor = self.loss(*logits, reduction_override="none")
        return each if self.weigh is None else each * self.weigh(*logits)

    @torch.no_grad()
    def remember(self, features: Tensor) -> None:
        """Put the features (N, D) of all processes into the queue, in place of the oldest ones."""
        features = torch.cat(all_gather(features.contiguous()))[-self.size :].to(self.queue)
        places = (self.place + torch.arange(len(features), device=self.place.device)) % self.size
        self.queue[places] = features
        self.place.copy_((self.place + len(features)) % self.size)
