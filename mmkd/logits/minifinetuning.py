"""Mixture of the label into the teacher's prediction, by as much as needed (MFT)."""

import torch
from torch import Tensor, nn

from mmkd.registry import MODELS

EPS = 1e-7


@MODELS.register_module()
class Minifinetuning(nn.Module):
    r"""Move probability from the teacher's output to the true class until it leads by a margin.

    Minifinetuning: Low-Data Generation Domain Adaptation through Corrective Self-Distillation
    (arXiv 2506.15702), as NVIDIA's Model Optimizer computes it. The target is :math:`(1 - m) p +
    m\,[k=y]`. If the teacher is wrong, :math:`m = (p_{max} - p_y + \tau) / (1 + p_{max} - p_y)`, so
    that the true class leads the predicted one by :math:`\tau`. If the teacher is right, m raises
    :math:`p_y` by :math:`\tau`, to at most 1. Like :class:`ProbabilityShift` and
    :class:`LabelSmoothReplace` it is a knowledge adjustment; it keeps the ratios of all other
    classes.

    Args:
        threshold: :math:`\tau`, from 0 to 1.
        only_wrong: Whether samples that the teacher classifies correctly keep their target.
    """

    needs_labels = True

    def __init__(self, threshold: float = 0.2, only_wrong: bool = False) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(f"The threshold is a probability, from 0 to 1, not {threshold}.")
        self.threshold, self.only_wrong = threshold, only_wrong

    def forward(self, log_probabilities: Tensor, labels: Tensor) -> Tensor:
        """Return the target's log-probabilities.

        Args:
            log_probabilities: The teacher's tempered log-probabilities, shape (N, C).
            labels: Class indices, shape (N,).
        """
        share = self.share(log_probabilities, labels)
        rest = log_probabilities + torch.log1p(-share)
        # A share of 1 would leave the probability 0; it becomes the smallest number whose logarithm
        # is finite.
        rest = rest.clamp(min=torch.finfo(rest.dtype).min / 4)
        true = rest.gather(1, labels[:, None])
        raised = torch.logaddexp(true, share.clamp(min=torch.finfo(share.dtype).tiny).log())
        return rest.scatter(1, labels[:, None], raised)

    def share(self, log_probabilities: Tensor, labels: Tensor) -> Tensor:
        """Return the label's share m of each target, shape (N, 1)."""
        probabilities = log_probabilities.exp()
        true = probabilities.gather(1, labels[:, None])
        most, predicted = probabilities.max(1, keepdim=True)
        wrong = (most - true + self.threshold) / (1 + most - true + EPS)
        if self.only_wrong:
            right = torch.zeros_like(wrong)
        else:
            right = ((true + self.threshold).clamp(max=1) - true) / (1 - true + EPS)
        return torch.where(predicted == labels[:, None], right, wrong).clamp(0, 1)
