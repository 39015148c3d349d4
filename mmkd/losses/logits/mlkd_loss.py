"""Alignment of logits by instance, class and batch at several temperatures (MLKD)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmkd.arithmetic import full_precision
from mmkd.losses.base.logit_loss import Tempered, kd_divergence
from mmkd.losses.base.partly_relational_loss import PartlyRelationalLogitLoss
from mmkd.losses.logits.correlation_loss import batch_correlation, class_correlation
from mmkd.registry import MODELS

# Temperatures at which the released code adds the weak view's divergence in place of the strong
# view's.
MISTAKEN = (2.0, 6.0)


@MODELS.register_module()
class MLKDLoss(PartlyRelationalLogitLoss):
    r"""KL divergence, class correlation and batch correlation, summed over temperatures and views.

    Multi-Level Logit Distillation (Jin, Wang, Lin; CVPR 2023), with tempered probabilities P (N,
    C):

    .. math:: \sum_T \Big( \sum_v \tfrac1N \sum_n m_{v,n} T^2 KL_{v,n}
        + \tfrac1C \|(P_t^TP_t - P_s^TP_s)\,M_C\|^2_F
        + \tfrac1N \|(P_tP_t^T - P_sP_s^T)\,M_N\|^2_F \Big)

    The batch is V views of N images, joined as :class:`mmkd.MultiViewDataPreprocessor` joins them:
    first all images of the first (weak) view, then all of the second. The divergence is summed over
    the means of all views, and the correlations come from the first view. A sample weight, shape (V
    N,), multiplies the divergences alone. ``reduction_override='none'`` gives values (V N,) whose
    mean is the loss, and therefore multiplies the divergences by V.

    The masks m and the diagonals of M are 1 unless ``masks`` is set. Then they are 1 or 0: the
    first view's divergence acts only on the samples, and the correlations act only on the samples
    and classes, of which the teacher is least sure. These have a confidence at temperature 1 (for a
    class: the sum of its probabilities) of no more than the median in the process's batch. The
    authors' code computes these masks from the raw logits of the first view, but multiplies them
    with losses that are already one number (see ``released_code``), so its published numbers come
    from losses without masks. That a mask leaves out columns of a difference is an interpretation.

    Transforms, such as logit standardisation, act at all levels. The codes of LS and EA-KD apply
    them in the divergence alone: to get that, write two terms, one with
    ``class_weight=batch_weight=0`` and one without transforms and with ``kl_weight=0``.

    Args:
        temperatures: The temperatures T. The first one is called the base temperature.
        views: Number of views V in the batch.
        masks: Whether the masks leave out the samples and classes that the teacher is sure of. With
            masks the direction of the gradient differs much from that of the released code (cosine
            0.48; without masks 0.976).
        kl_weight: Weight of the divergence (instance level).
        class_weight: Weight of the class correlation.
        batch_weight: Weight of the batch correlation.
        released_code: Compute the same as the authors' code, which ER-KD, LS and EA-KD build on. It
            applies the masks to losses that are already one number, so that they scale the first
            view's divergence and both correlations by the share of samples (classes) in the mask.
            In place of the second view's divergences at T = 2 and T = 6 (unless that is the first
            of several temperatures) it adds the first view's divergences once more. It excludes
            ``masks``.
        **arguments: Arguments of :class:`LogitLoss`, other than ``temperature``.

    Raises:
        ValueError: If the temperatures are not positive numbers, ``views`` does not fit, or both
            ``masks`` and ``released_code`` are set.
    """

    def __init__(
        self,
        temperatures: Sequence[float] = (4.0, 3.0, 5.0, 2.0, 6.0),
        views: int = 1,
        masks: bool = False,
        kl_weight: float = 1.0,
        class_weight: float = 1.0,
        batch_weight: float = 1.0,
        released_code: bool = False,
        **arguments: Any,
    ) -> None:
        if "temperature" in arguments:
            raise ValueError("MLKDLoss has several temperatures: write temperatures=[...].")
        if isinstance(temperatures, float | int | str) or not temperatures:
            raise ValueError(f"temperatures must be a list of numbers, not {temperatures!r}.")
        if not all(isinstance(t, float | int) and t > 0 for t in temperatures):
            raise ValueError(f"temperatures must be positive numbers, not {temperatures!r}.")
        if views < 1:
            raise ValueError(f"views must be at least 1, not {views}.")
        if released_code and views > 2:
            raise ValueError(f"The released code has a weak and a strong view, not {views} views.")
        if released_code and masks:
            raise ValueError(
                "released_code=True scales losses by the shares of the masks, and masks=True "
                "leaves samples and classes out: set one of them."
            )
        super().__init__(temperatures[0], **arguments)
        self.temperatures, self.views = tuple(map(float, temperatures)), views
        self.masks, self.released_code = masks, released_code
        self.kl_weight, self.class_weight = kl_weight, class_weight
        self.batch_weight = batch_weight

    def parts(
        self, student: Tensor, teacher: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the loss of each sample, (V N,), and the correlations, from raw logits (V N, C).

        Raises:
            ValueError: If the batch does not divide into that number of views.
        """
        if len(teacher) % self.views:
            raise ValueError(
                f"A batch of {len(teacher)} is not {self.views} views of as many images each: give "
                "MLKDLoss the `views` of the student's MultiViewDataPreprocessor."
            )
        values, relation = student.sum(1) * 0, student.sum() * 0
        if not len(teacher):
            return values, relation
        first = len(teacher) // self.views
        samples, classes = self.factors(full_precision(teacher[:first]))
        pair = self.transformed(student, teacher, labels)
        for i, temperature in enumerate(self.temperatures):
            tempered = self.tempered(*pair, temperature, labels)
            kl = self.divergence(tempered)
            values = values + self.views * self._shares(samples, i) * kl
            weak = tempered.student[:first].exp(), tempered.teacher[:first].exp()
            relation = relation + self.class_weight * class_correlation(*weak, classes)
            relation = relation + self.batch_weight * batch_correlation(*weak, samples)
        return values, relation

    def factors(self, teacher: Tensor) -> tuple[Tensor, Tensor]:
        """Return the factors of samples, (N,), and of classes, (C,), from the teacher's logits.

        They are 1; with ``masks`` they are 1 or 0, and with ``released_code`` the shares of those
        masks.

        Args:
            teacher: Raw logits of the first view, shape (N, C).
        """
        if not self.masks and not self.released_code:
            return teacher.new_ones(len(teacher)), teacher.new_ones(teacher.shape[1])
        probabilities = teacher.softmax(-1)
        masks = []
        for confidence in (probabilities.amax(1), probabilities.sum(0)):
            mask = (confidence <= confidence.quantile(0.5)).to(teacher.dtype)
            masks.append(mask.mean().expand_as(mask) if self.released_code else mask)
        return masks[0], masks[1]

    def _shares(self, samples: Tensor, i: int) -> Tensor:
        """Return the factor of each sample's divergence at the i-th temperature, shape (V N,)."""
        others = torch.ones_like(samples)
        alone = len(self.temperatures) == 1
        mistaken = self.temperatures[i] in MISTAKEN and (i > 0 or alone)
        if self.released_code and self.views == 2 and mistaken:
            return torch.cat([samples + 1, others * 0])
        return torch.cat([samples, *[others] * (self.views - 1)])

    def divergence(self, pair: Tempered) -> Tensor:
        return self.kl_weight * kd_divergence(pair)
