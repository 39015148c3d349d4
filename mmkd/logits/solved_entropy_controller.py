"""Scale of each sample's logits that fits them best to the target (DynamicKD, ablation)."""

import torch
from torch import Tensor, nn

from mmkd.registry import MODELS


@MODELS.register_module()
class SolvedEntropyController(nn.Module):
    r"""Scale each sample's logits by the :math:`\alpha` that minimises its KL divergence.

    This is the factor of :class:`EntropyController`, solved instead of learned: an interpretation
    for ablations. It uses the derivatives :math:`T(E_u[z] - E_p[z])` and :math:`Var_u(z)` of
    :math:`T^2 KL(p\,\|\,\sigma(\alpha z/T))`, which is convex in :math:`\alpha`. If a Newton step
    would leave the interval that can still hold the minimum, the interval is halved instead. The
    bounds are for samples whose minimum is not above 0 or not finite: the target does not follow
    the student, or is sharper than any scale of its logits. The factors are detached: at the
    minimum they have no gradient to pass.

    It has no parameter, and stands at the end of a loss's ``student_transforms``.

    Args:
        steps: Number of Newton steps.
        min: Lower bound of the factor, above 0.
        max: Upper bound of the factor.
    """

    needs_target = True

    def __init__(self, steps: int = 10, min: float = 0.1, max: float = 10.0) -> None:
        super().__init__()
        if not 0 < min <= 1 <= max:
            raise ValueError(f"The bounds must be 0 < min <= 1 <= max, not {min} and {max}.")
        self.steps, self.min, self.max = steps, min, max
        self._solved: Tensor | None = None

    def statistics(self) -> dict[str, Tensor]:
        """Return the factors of the last batch for the log: mean, minimum and maximum."""
        alpha = self._solved
        if alpha is None or not len(alpha):
            return {}
        return {"alpha": alpha.mean(), "alpha_min": alpha.min(), "alpha_max": alpha.max()}

    def forward(self, logits: Tensor, log_target: Tensor, temperature: float | Tensor) -> Tensor:
        """Return the scaled logits, shape (N, C).

        Args:
            logits: The student's logits, shape (N, C).
            log_target: Tempered log-probabilities of the target, shape (N, C).
            temperature: T, a number or shape (N, 1).
        """
        self._solved = self.solve(logits.detach(), log_target, temperature)
        return logits * self._solved

    @torch.no_grad()
    def solve(self, logits: Tensor, log_target: Tensor, temperature: float | Tensor) -> Tensor:
        r"""Return :math:`\alpha` of each sample, shape (N, 1). Arguments as in :meth:`forward`."""
        # Only differences of logits matter, and small numbers keep their digits.
        logits = logits - logits.amax(-1, keepdim=True)
        wanted = (log_target.exp() * logits).sum(-1, keepdim=True)
        alpha = torch.ones_like(wanted)
        low, high = torch.full_like(alpha, self.min), torch.full_like(alpha, self.max)
        for _ in range(self.steps):
            probabilities = (alpha * logits / temperature).softmax(-1)
            mean = (probabilities * logits).sum(-1, keepdim=True)
            variance = (probabilities * (logits - mean).square()).sum(-1, keepdim=True)
            slope = temperature * (mean - wanted)
            # The divergence is convex: the sign of its slope tells on which side the minimum lies.
            low, high = torch.where(slope < 0, alpha, low), torch.where(slope > 0, alpha, high)
            # Where the slope is 0 the variance may be 0 too, and their quotient NaN.
            step = torch.where(slope == 0, alpha, alpha - slope / variance)
            # The bounds count as inside: at the minimum a step is mere rounding, and must not be
            # replaced.
            alpha = torch.where((step >= low) & (step <= high), step, (low + high) / 2)
        return alpha
