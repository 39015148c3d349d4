"""Functions of predicted distributions, on tensors in double precision."""

import torch
from torch import Tensor

# A softmax in single precision underflows to exactly 0. Its logarithm is taken at the smallest
# normal number instead, so that one saturated sample costs at most 87.3 nats and never infinity.
FLOOR = torch.finfo(torch.float32).tiny


def as_probabilities(scores: Tensor) -> Tensor:
    """Check that rows are distributions, and make them sum to one in double precision.

    Args:
        scores: ``(N, C)``, the output of a softmax in any floating type.

    Returns:
        ``(N, C)`` in float64. Rows with NaN stay NaN: a broken model must show up in the log, and
        must not end its evaluation.

    Raises:
        ValueError: if the shape is different, an entry is negative, or a row does not sum to 1.
    """
    if scores.ndim != 2:
        raise ValueError(f"probabilities have the shape (N, C), not {tuple(scores.shape)}")
    scores = scores.detach().double()
    total = scores.sum(dim=1, keepdim=True)
    # 0.01 is wide enough for half precision and 1,000 classes, and far from the sums of any logits.
    if (scores < 0).any() or ((total - 1).abs() > 0.01).any():
        raise ValueError(
            "pred_score must be a distribution over the classes (the output of a softmax); "
            f"rows sum to {total.min().item():.4g}..{total.max().item():.4g}, "
            f"the smallest entry is {scores.min().item():.4g}"
        )
    return scores / total


def expected_calibration_error(confidence: Tensor, correct: Tensor, num_bins: int = 15) -> Tensor:
    """Return the mean distance of confidence and accuracy over bins of equal width.

    On Calibration of Modern Neural Networks (Guo et al., ICML 2017), equation 3:
    ``ECE = sum_m |B_m| / N * |acc(B_m) - conf(B_m)|`` with
    ``B_m = {i : (m - 1) / M < confidence_i <= m / M}``.

    Args:
        confidence: probability of the predicted class, ``(N,)``.
        correct: whether the prediction is right, ``(N,)``, boolean or 0 and 1.
        num_bins: M, the number of bins.

    Returns:
        0-dim tensor, a fraction between 0 and 1.
    """
    confidence = confidence.double()
    gap = correct.double() - confidence
    edges = torch.linspace(0, 1, num_bins + 1, dtype=torch.float64, device=gap.device)
    bins = torch.bucketize(confidence.contiguous(), edges[1:-1])
    # |B_m| / N * |acc - conf| equals |sum of gaps in B_m| / N, so empty bins need no special case.
    return gap.new_zeros(num_bins).index_add(0, bins, gap).abs().sum() / len(gap)


def negative_log_likelihood(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return ``-log p(label)`` per sample, in nats.

    Args:
        probabilities: ``(N, C)``.
        labels: class indices, ``(N,)``.

    Returns:
        ``(N,)``, at most 87.3.
    """
    likelihood = probabilities.gather(1, labels[:, None]).squeeze(1)
    return -likelihood.clamp(min=FLOOR).log()


def predictive_entropy(probabilities: Tensor) -> Tensor:
    """Return the Shannon entropy of every row in nats: ``(N, C)`` to ``(N,)``, from 0 to ln C."""
    return -torch.xlogy(probabilities, probabilities).sum(dim=1)


def kl_divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """Return ``KL(teacher || student)`` per sample, in nats.

    Args:
        teacher: probabilities ``(N, C)``.
        student: probabilities ``(N, C)``.

    Returns:
        ``(N,)``, zero if both are equal.
    """
    log_ratio = teacher.clamp(min=FLOOR).log() - student.clamp(min=FLOOR).log()
    return (teacher * log_ratio).sum(dim=1)
