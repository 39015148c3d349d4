"""Teacher weights from the teachers' cross-entropies (CA-MKD)."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from mmkd.arithmetic import full_precision
from mmkd.registry import MODELS
from mmkd.weights.teacher_weight import TeacherWeight


@MODELS.register_module()
class CAMKDWeight(TeacherWeight):
    r"""Weigh teachers by their cross-entropy with the label, :math:`(1-\sigma(CE)_k) / (K-1)`.

    Confidence-Aware Multi-Teacher Knowledge Distillation (Zhang, Chen, Wang; ICASSP 2022), on
    logits: the softmax is over the cross-entropies of the K teachers, each at temperature 1. On
    features the paper uses the cross-entropies of the teachers' heads on the student's connected
    feature; a term does that with ``weigh_through``.

    Args:
        form: How weights follow from cross-entropies, see :class:`TeacherWeight`; by default the
            paper's form.
        divide_by_k: As in :class:`TeacherWeight`.
        released_code: Let a gradient flow through the weights on features to the student's
            connected feature, from which they are computed, as the released code does.
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
