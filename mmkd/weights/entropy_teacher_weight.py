"""Teacher weights from the entropies of the teachers (DE-MKD, EBKD)."""

from torch import Tensor

from mmkd.arithmetic import full_precision
from mmkd.logits.decouple import non_target, target_split
from mmkd.logits.entropy import entropy
from mmkd.registry import MODELS
from mmkd.weights.teacher_weight import TeacherWeight

PARTS = ("all", "target", "non_target")


@MODELS.register_module()
class EntropyTeacherWeight(TeacherWeight):
    r"""Weigh each teacher by the entropy of its prediction, for each sample.

    Decoupled Multi-Teacher Knowledge Distillation Based on Entropy (Cheng et al., Mathematics
    2024). The paper says that the weights of teachers follow from the entropies of their
    predictions. The forms, the temperature and the choice of the weighed losses are
    interpretations. In all forms except ``'high'`` a confident teacher weighs more.

    DE-MKD weighs decoupled losses. For the same weight on both parts write one term of
    :class:`mmkd.losses.DKDLoss`. For a weight on the non-target part alone, or a separate one for
    each part, write two terms, of :class:`mmkd.losses.TCKDLoss` and :class:`mmkd.losses.NCKDLoss`,
    each with its own ``teacher_weight`` or with none, which averages the teachers. The term of its
    feature branch may use these weights too, or those from ``weigh_through``.

    Args:
        form: How weights follow from entropies, see :class:`TeacherWeight`.
        temperature: Temperature at which the entropy is computed.
        part: Distribution whose entropy is computed: ``'all'`` classes; ``'target'``, the true
            class against the rest; or ``'non_target'``, the other classes among themselves. The
            last two need labels.
        divide_by_k: As in :class:`TeacherWeight`.
    """

    needs_labels = False

    def __init__(
        self,
        form: str = "softmax_inv",
        temperature: float = 1.0,
        part: str = "all",
        divide_by_k: bool = False,
    ) -> None:
        super().__init__(form, divide_by_k)
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        if part not in PARTS:
            raise ValueError(f"part must be one of {PARTS}, not {part!r}.")
        self.temperature, self.part = temperature, part
        self.needs_labels = part != "all"

    def uncertainty(self, logits: Tensor, labels: Tensor | None) -> Tensor:
        if labels is None or self.part == "all":
            return entropy(logits, self.temperature)
        split = target_split if self.part == "target" else non_target
        return entropy(split((full_precision(logits) / self.temperature).log_softmax(-1), labels))


@MODELS.register_module()
class EBKDWeight(EntropyTeacherWeight):
    r"""Weigh each teacher by :math:`1 - H_k / \sum_j H_j` of the entropies of their predictions.

    EBKD, the entropy-based baseline of multi-teacher distillation, in the form of the released code
    of Confidence-Aware Multi-Teacher Knowledge Distillation (Zhang, Chen, Wang; ICASSP 2022). The
    weights sum to K - 1.

    Args:
        normalize: Divide by K - 1, so that the weights sum to 1.
        divide_by_k: As in :class:`TeacherWeight`.
    """

    def __init__(self, normalize: bool = False, divide_by_k: bool = False) -> None:
        super().__init__("ebkd_normalized" if normalize else "ebkd", divide_by_k=divide_by_k)
