"""Contrastive representation distillation (CRD)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn
from torch.nn.functional import normalize

from mmkd.arithmetic import reduce_loss
from mmkd.losses.base.feature_loss import FeatureLoss, Features, in_pairs
from mmkd.losses.base.feature_maps import pooled
from mmkd.losses.relations.contrast_memory import (
    ContrastMemory,
    MemoryBank,
    MemoryQueue,
    sample_places,
)
from mmkd.registry import MODELS

EPS = 1e-7


def contrastive_loss(densities: Tensor, valid: Tensor, size: int) -> Tensor:
    r"""Return the noise-contrastive loss of each sample, shape (N,).

    :math:`-\log\frac{p_0}{p_0 + K/M} - \sum_{k=1}^{K} \log\frac{K/M}{p_k + K/M}`, with K noise
    samples out of M.

    Args:
        densities: Estimated densities p of a sample's positive and its K negatives, (N, 1 + K).
        valid: Whether each negative counts, (N, K).
        size: M, the number of samples that negatives are drawn from.
    """
    noise = valid.shape[1] / size
    positive, negatives = densities[:, 0], densities[:, 1:]
    log_true = (positive / (positive + noise + EPS)).log()
    log_false = (noise / (negatives + noise + EPS)).log()
    return -log_true - (log_false * valid).sum(1)


@MODELS.register_module()
class CRDLoss(FeatureLoss):
    r"""Noise-contrastive loss between embeddings of student and teacher.

    Contrastive Representation Distillation (Tian, Krishnan, Isola; ICLR 2020), in the released
    code's form: both pooled features pass linear embeddings and are scaled to unit length, and the
    loss distinguishes the pair of embeddings of one sample from pairs with the remembered
    embeddings of ``negatives`` samples of other classes. The density of a pair is :math:`p = e^{u^T
    v / \tau} / Z`. The student's embeddings are compared with the teacher's memory, and the
    teacher's embeddings with the student's memory. The constants Z are set in the first step. The
    teacher's embedding is trained too.

    Set ``num_samples``, the length of the training data, for the paper's memory bank. The data
    samples then need ``sample_idx``, which mmpretrain's data sets and ``PackInputs`` provide; in
    data sets that concatenate others the same index may occur several times. To keep negatives out
    of a sample's class the bank needs the classes of all samples. In a run
    :class:`mmkd.DatasetLabelsHook` sets them; without that hook the bank learns them from the
    batches, so that the first epoch has some negatives of the same class. Or set ``queue_size``:
    then the last samples are the negatives, which is an interpretation for data sets whose bank
    would be too large. Each process draws separate negatives, and all have the same memory.

    Args:
        num_samples: Samples in the training data.
        queue_size: Number of samples in the queue that replaces the memory bank.
        dim: Length of the embeddings.
        negatives: Number of negatives of a sample, in the memory bank.
        temperature: :math:`\tau`.
        momentum: Momentum of the memory bank.
        loss_weight: Factor on the result; the published CIFAR-100 recipe takes 0.8.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False
    constants: Tensor

    def __init__(
        self,
        num_samples: int | None = None,
        queue_size: int | None = None,
        dim: int = 128,
        negatives: int = 16384,
        temperature: float = 0.07,
        momentum: float = 0.5,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if (num_samples is None) == (queue_size is None):
            raise ValueError(
                "CRDLoss needs either num_samples, the length of the training data, for its memory "
                "bank, or a queue_size, such as 16384, for data sets too large for one."
            )
        if temperature <= 0 or negatives < 1 or not 0 <= momentum < 1 or dim < 1:
            raise ValueError(
                "CRDLoss needs a positive temperature, dim and number of negatives, and a momentum "
                f"in [0, 1), not {temperature}, {dim}, {negatives} and {momentum}."
            )
        self.dim, self.temperature = dim, temperature
        self.memory: ContrastMemory
        if num_samples is not None:
            self.memory = MemoryBank(num_samples, dim, negatives, momentum)
        else:
            self.memory = MemoryQueue(queue_size or 0, dim)
        self.embeddings = nn.ModuleDict()
        self.register_buffer("constants", torch.zeros(2))

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Build the embeddings, for one feature of each network, (N, C) or (N, C, H, W)."""
        if len(student_shapes) != 1 or len(teacher_shapes) != 1:
            raise ValueError(
                "CRDLoss compares one feature of each network, and taps "
                f"{len(student_shapes)} and {len(teacher_shapes)}: write a term for each."
            )
        shapes = dict(student=student_shapes[0], teacher=teacher_shapes[0])
        self.embeddings.update({side: nn.Linear(s[1], self.dim) for side, s in shapes.items()})

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        labels: Tensor | None = None,
        data_samples: Sequence[Any] | None = None,
    ) -> Tensor:
        """Compute the loss of a batch and, in training, store the batch in the memory.

        Args:
            student_features: Shape (N, C) or (N, C, H, W).
            teacher_features: Likewise. No gradient flows into it.
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.
            labels: Class indices, shape (N,).
            data_samples: The batch's data samples; their ``sample_idx`` is read.
        """
        if not self.embeddings or labels is None:
            raise ValueError(
                "CRDLoss needs its adapt(student_shapes, teacher_shapes) to have been called, and "
                "the labels of the batch."
            )
        [(student, teacher)] = in_pairs(student_features, teacher_features)
        with torch.autocast(student.device.type, enabled=False):
            own = normalize(self.embeddings["student"](pooled(student)), dim=1)
            theirs = normalize(self.embeddings["teacher"](pooled(teacher)), dim=1)
            loss = self.contrast(own, theirs, labels, data_samples)
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def contrast(self, student: Tensor, teacher: Tensor, labels: Tensor, samples: Any) -> Tensor:
        """Return the loss of each sample, shape (N,), from embeddings (N, dim) of unit length."""
        places = labels
        if isinstance(self.memory, MemoryBank):
            places = sample_places(samples, labels.device, self.memory.size)
        contrasts = self.memory.contrast(student, teacher, places, labels)
        own = (contrasts.student / self.temperature).exp()
        theirs = (contrasts.teacher / self.temperature).exp()
        if not self.constants.all():
            fresh = torch.stack([own.detach().mean(), theirs.detach().mean()]) * self.memory.size
            all_reduce(fresh, "mean")
            self.constants.copy_(fresh)
        if self.training:
            self.memory.remember(student, teacher, places, labels)
        z_own, z_theirs = self.constants.to(own)
        return contrastive_loss(own / z_own, contrasts.valid, self.memory.size) + contrastive_loss(
            theirs / z_theirs, contrasts.valid, self.memory.size
        )
