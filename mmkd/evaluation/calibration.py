"""Calibration of a classifier: the reliability of its confidence."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmkd.evaluation.functional import (
    as_probabilities,
    expected_calibration_error,
    negative_log_likelihood,
    predictive_entropy,
)
from mmkd.registry import METRICS

ITEMS = ("ece", "nll", "entropy", "overconfidence", "wrong_confidence")


@METRICS.register_module()
class Calibration(BaseMetric):
    """Calibration of single-label predictions, from ``pred_score`` and ``gt_label``.

    Items, logged under ``calibration/``:

    - ``ece``: expected calibration error (Guo et al., ICML 2017, equation 3), from 0 to 1;
    - ``nll``: mean negative log-likelihood of the true class, in nats;
    - ``entropy``: mean entropy of the predicted distribution, in nats;
    - ``overconfidence``: mean confidence minus accuracy, from -1 to 1; positive is over-confident;
    - ``wrong_confidence``: mean confidence of the wrong predictions, from 0 to 1; it is undefined,
      and left out, if every prediction is right.

    Args:
        items: the items to report.
        num_bins: number of equal-width bins of ``ece``.
        collect_device: device on which the results of several processes are collected, ``'cpu'`` or
            ``'gpu'``.
        prefix: replacement of ``calibration`` in the names.

    Raises:
        ValueError: if there is no such item, or fewer than one bin.
    """

    default_prefix = "calibration"

    def __init__(
        self,
        items: Sequence[str] = ITEMS,
        num_bins: int = 15,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if unknown := [item for item in items if item not in ITEMS]:
            raise ValueError(f"unknown items {unknown}; there are {', '.join(ITEMS)}")
        if num_bins < 1:
            raise ValueError(f"num_bins must be at least 1, not {num_bins}")
        self.items = tuple(items)
        self.num_bins = num_bins

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Reduce every sample to four numbers, because all scores of a large set need much memory.

        Args:
            data_batch: not used.
            data_samples: one dict per sample with ``pred_score`` ``(C,)`` and ``gt_label``
                ``(1,)``.

        Raises:
            KeyError: if a sample has no ``pred_score`` or ``gt_label``.
            ValueError: if the scores are not distributions.
        """
        probabilities = as_probabilities(torch.stack([s["pred_score"] for s in data_samples]))
        labels = torch.cat([s["gt_label"] for s in data_samples]).to(probabilities.device)
        confidence, predicted = probabilities.max(dim=1)
        columns = (
            confidence,
            (predicted == labels).double(),
            negative_log_likelihood(probabilities, labels),
            predictive_entropy(probabilities),
        )
        # BaseMetric needs one entry per sample: it drops the padding of samplers by counting.
        self.results.extend(torch.stack(columns, dim=1).tolist())

    def compute_metrics(self, results: list[list[float]]) -> dict[str, float]:
        """Summarise the four numbers of all samples."""
        confidence, correct, nll, entropy = torch.tensor(results, dtype=torch.float64).unbind(1)
        values: dict[str, Tensor] = {
            "ece": expected_calibration_error(confidence, correct, self.num_bins),
            "nll": nll.mean(),
            "entropy": entropy.mean(),
            "overconfidence": (confidence - correct).mean(),
        }
        if (wrong := correct == 0).any():
            values["wrong_confidence"] = confidence[wrong].mean()
        return {item: values[item].item() for item in self.items if item in values}
