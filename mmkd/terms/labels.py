"""Hard labels of a batch."""

from typing import Any

import torch
from torch import Tensor


def class_labels(data_samples: Any) -> Tensor | None:
    """Return the class index of each sample, shape (N,), or ``None`` if the batch has none.

    Mixed samples (Mixup, CutMix) and multi-label samples have soft labels only: the ``gt_score`` of
    a hard label is 1 at exactly one class.

    Args:
        data_samples: OpenMMLab's data samples; or a tensor of labels, which counts as class indices
            if it has shape (N,) and an integer type.
    """
    if isinstance(data_samples, Tensor):
        hard = data_samples.ndim == 1 and not data_samples.is_floating_point()
        return data_samples if hard else None
    if not data_samples or any(len(getattr(s, "gt_label", ())) != 1 for s in data_samples):
        return None
    labels = torch.cat([sample.gt_label for sample in data_samples])
    if "gt_score" in data_samples[0]:
        scores = torch.stack([sample.gt_score for sample in data_samples])
        if not (scores.gather(1, labels[:, None]) == 1).all():
            return None
    return labels
