"""Teacher weights that drop teachers at random, by the sizes of their losses (UNIC)."""

import torch
from torch import Tensor, nn

from mmkd.registry import MODELS


@MODELS.register_module()
class TeacherDropping(nn.Module):
    r"""Keep the teacher with the largest loss of a sample, and drop each other one at random.

    UNIC: Universal Classification Models via Multi-teacher Distillation (Sariyildiz et al., ECCV
    2024). The weights of a sample are

    .. math:: w_k = m_k / \sum_j m_j, \quad m_k \in \{0, 1\}

    where m is 1 for the teacher that the student is farthest from, and for each other teacher with
    probability 1 - ``drop``. So no teacher is forgotten because others are easier to follow. The
    weights are computed from the losses of the samples, not from logits. They therefore work with
    any loss that has values of single samples, and for teachers without a classifier. Nothing is
    dropped outside of training. The random numbers come from torch's global generator, which
    :class:`mmkd.hooks.ExactResumeHook` seeds in each iteration.

    Args:
        drop: Probability of a drop, in [0, 1].
        released_code: Divide by the mean number of kept teachers of a sample over the batch, as the
            released code does, in place of the sample's own number. The total weight of a sample is
            then proportional to the number of teachers that it keeps.
    """

    reads_losses = True

    def __init__(self, drop: float = 0.5, released_code: bool = False) -> None:
        super().__init__()
        if not 0 <= drop <= 1:
            raise ValueError(f"drop is a probability in [0, 1], not {drop}.")
        self.drop, self.released_code = drop, released_code

    @torch.no_grad()
    def forward(self, losses: Tensor) -> Tensor:
        """Return the weight of each teacher for each sample, (K, N), detached.

        Args:
            losses: Loss of each sample by teacher, (K, N).
        """
        kept = torch.ones_like(losses)
        if self.training:
            kept = (torch.rand_like(losses) >= self.drop).to(losses)
            kept.scatter_(0, losses.argmax(0, keepdim=True), 1.0)
        count = kept.sum(0)
        return kept / (count.mean() if self.released_code else count)
