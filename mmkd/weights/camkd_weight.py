"""Teacher weights from the teachers' cross-entropies (CA-MKD)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from mmkd.arithmetic import full_precision
from mmkd.registry import MODELS
from mmkd.weights.teacher_weight import TeacherWeight


@MODELS.register_module()
class CAMKDWeight(TeacherWeight):
    r"""Weigh each teacher by how well it knows the label: :math:`(1 - \sigma(CE)_k) / (K - 1)`.

    Confidence-Aware Multi-Teacher Knowledge Distillation (Zhang, Chen, Wang; ICASSP 2022), on
    logits: the softmax is over the cross-entropies of the K teachers, each at temperature 1. On
    features the paper takes the cross-entropies that the teachers' heads have on the student's
    connected feature, which is ``weigh_through`` of a term.

    Args:
        form: How weights follow from cross-entropies, see :class:`TeacherWeight`; the paper's by
            default.
        divide_by_k: As in :class:`TeacherWeight`.
        released_code: Let a gradient flow through the weights on features to the student, whose
            connected feature they are computed from, as the released code does.
    """

    needs_labels = True

    def __init__(
        self,
        form: str = "softmax_inv",
        divide_by_k: bool = False,
        released_code: bool = False,
    ) -> None:
        super().__init__(form, divide_by_k)
        self.detach = not released_code

    def uncertainty(self, logits: Tensor, labels: Tensor | None) -> Tensor:
        assert labels is not None
        return cross_entropy(full_precision(logits), labels, reduction="none")
