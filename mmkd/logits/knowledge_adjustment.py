"""Base class of corrections of the teacher's wrong predictions (KA)."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class KnowledgeAdjustment(nn.Module, ABC):
    """Target that differs from the teacher's output only if the teacher is wrong.

    Preparing Lessons: Improve Knowledge Distillation with Better Supervision (Wen, Lai, Qian;
    Neurocomputing 2021), knowledge adjustment.
    """

    needs_labels = True

    def __init__(self) -> None:
        super().__init__()
        self._correct: Tensor | None = None

    def statistics(self) -> dict[str, Tensor]:
        """Return the share of the last batch's samples that were adjusted, for the log."""
        if self._correct is None or not len(self._correct):
            return {}
        return {"adjusted": 1 - self._correct.float().mean()}

    def forward(self, log_probabilities: Tensor, labels: Tensor) -> Tensor:
        """Return the adjusted log-probabilities.

        Args:
            log_probabilities: The teacher's tempered log-probabilities, shape (N, C).
            labels: Class indices, shape (N,).
        """
        self._correct = log_probabilities.argmax(-1) == labels
        adjusted = self.adjusted(log_probabilities, labels)
        return torch.where(self._correct[:, None], log_probabilities, adjusted)

    @abstractmethod
    def adjusted(self, log_probabilities: Tensor, labels: Tensor) -> Tensor:
        """Return the log-probabilities that replace those of a wrong teacher, shape (N, C)."""
