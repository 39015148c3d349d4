"""Base class of teacher weights that follow from the uncertainty of each teacher."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def _share(uncertainty: Tensor) -> Tensor:
    """Return each teacher's share of the sum, or equal shares if the sum is 0."""
    total = uncertainty.sum(0)
    parts = uncertainty / total.masked_fill(total == 0, 1.0)
    return parts.masked_fill(total == 0, 1 / len(uncertainty))


def _inverse(uncertainty: Tensor) -> Tensor:
    """Return shares of 1 / uncertainty, by logarithms, since some or all uncertainties may be 0."""
    tiny = torch.finfo(uncertainty.dtype).tiny
    return (-uncertainty.clamp(min=tiny).log()).softmax(0)


# Functions that turn the uncertainty of K > 1 teachers, (K, N), into their weights, (K, N).
FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax_inv": lambda u: (1 - u.softmax(0)) / (len(u) - 1),
    "ebkd": lambda u: 1 - _share(u),
    "ebkd_normalized": lambda u: (1 - _share(u)) / (len(u) - 1),
    "softmax_neg": lambda u: (-u).softmax(0),
    "inverse": _inverse,
    "high": lambda u: u.softmax(0),
}


class TeacherWeight(nn.Module, ABC):
    r"""Base class of teacher weights that follow from an uncertainty :math:`u_k` of each teacher.

    The weights of a sample sum to 1 over the teachers (``'ebkd'``: to K - 1). One teacher alone has
    weight 1 in every form. The forms:

    - ``'softmax_inv'``: :math:`(1 - e^{u_k} / \sum_j e^{u_j}) / (K - 1)`
    - ``'ebkd'``: :math:`1 - u_k / \sum_j u_j`
    - ``'ebkd_normalized'``: the same divided by K - 1
    - ``'softmax_neg'``: :math:`e^{-u_k} / \sum_j e^{-u_j}`
    - ``'inverse'``: :math:`u_k^{-1} / \sum_j u_j^{-1}`
    - ``'high'``: :math:`e^{u_k} / \sum_j e^{u_j}`, where the uncertain teacher weighs more

    Args:
        form: One of the forms above.
        divide_by_k: Divide by the number of teachers, as the released code of CA-MKD does in its
            losses, including EBKD's.

    Attributes:
        needs_labels: Whether the weight needs class indices.
        activation: Activation that the weight applies to logits; it must be that of the student's
            head.
        detach: Whether no gradient flows through the weights.
    """

    needs_labels = False
    activation = "softmax"
    detach = True

    def __init__(self, form: str = "softmax_inv", divide_by_k: bool = False) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form must be one of {tuple(FORMS)}, not {form!r}.")
        self.form, self.divide_by_k = form, divide_by_k

    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Sequence[Tensor],
        labels: Tensor | None = None,
    ) -> Tensor:
        """Return the weight of each teacher for each sample, shape (K, N).

        Args:
            student_logits: Shape (N, C). Not read; every teacher weight has this signature.
            teacher_logits: K tensors, raw logits of shape (N, C) each.
            labels: Class indices, shape (N,), for weights whose ``needs_labels`` is true.

        Raises:
            ValueError: If labels that the weight needs are missing.
        """
        if labels is None and self.needs_labels:
            raise ValueError(
                f"{type(self).__name__} needs labels (class indices), but the batch has none: "
                "batch augmentations such as Mixup and CutMix leave only soft labels."
            )
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.detach):
            uncertainty = torch.stack([self.uncertainty(z, labels) for z in teacher_logits])
            count = len(teacher_logits)
            weights = FORMS[self.form](uncertainty) if count > 1 else torch.ones_like(uncertainty)
            return weights / count if self.divide_by_k else weights

    @abstractmethod
    def uncertainty(self, logits: Tensor, labels: Tensor | None) -> Tensor:
        """Return the uncertainty of one teacher, shape (N,), at least 0, from logits (N, C)."""
