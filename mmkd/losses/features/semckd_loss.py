"""Cross-layer distillation with learned association of layers (SemCKD)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from mmkd.arithmetic import reduce_loss
from mmkd.losses.base.feature_loss import FeatureLoss, Features, as_list
from mmkd.losses.base.feature_maps import same_size
from mmkd.losses.features.hint_loss import hint_distance
from mmkd.registry import MODELS


def _embedding(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 2 * outputs), nn.ReLU(), nn.Linear(2 * outputs, outputs))


def _regressor(channels: int, teacher_channels: int) -> nn.Sequential:
    middle = 2 * teacher_channels
    return nn.Sequential(
        nn.Conv2d(channels, middle, 1, bias=False),
        nn.BatchNorm2d(middle),
        nn.ReLU(),
        nn.Conv2d(middle, middle, 3, padding=1, bias=False),
        nn.BatchNorm2d(middle),
        nn.ReLU(),
        nn.Conv2d(middle, teacher_channels, 1, bias=False),
    )


@MODELS.register_module()
class SemCKDLoss(FeatureLoss):
    r"""Loss that makes each student layer learn all teacher layers, weighed by a learned attention.

    Cross-Layer Distillation with Semantic Calibration (Chen et al., AAAI 2021): for each sample
    :math:`\frac{1}{L_s}\sum_{i,j} \alpha_{ij}\,MSE(r_{ij}(F_s^i), F_t^j)`, at the smaller map's
    size. :math:`\alpha_{i\cdot}` is a softmax over the teacher's layers of the products of query
    and key, which are embeddings of a sample's similarities :math:`FF^T` with the samples of the
    batch. The term taps some layers of each network; their numbers may differ.

    The embeddings read as many similarities as a batch has samples, and therefore belong to one
    batch size. The published code skips smaller batches; here the missing similarities count as 0,
    which is an interpretation.

    Args:
        batch_size: Number of samples in the batch of a process, ``train_dataloader.batch_size``.
        reduction_factor: Quotient of the batch size and the length of an embedding.
        temperature: Divisor of the products of query and key.
        loss_weight: Factor on the result; the published CIFAR-100 recipe takes 400.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False

    def __init__(
        self,
        batch_size: int = 64,
        reduction_factor: int = 4,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if batch_size < 1 or reduction_factor < 1 or temperature <= 0:
            raise ValueError(
                "SemCKDLoss needs a batch_size and a reduction_factor from 1 and a positive "
                f"temperature, not {batch_size}, {reduction_factor} and {temperature}."
            )
        self.batch_size, self.reduction_factor = batch_size, reduction_factor
        self.temperature = temperature
        self.queries, self.keys, self.regressors = (nn.ModuleList() for _ in range(3))

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Build the embeddings of all layers and a regressor for each pair of maps (N, C, H, W)."""
        for shape in (*student_shapes, *teacher_shapes):
            if len(shape) != 4:
                raise ValueError(
                    "SemCKDLoss compares feature maps (N, C, H, W), not features of shape "
                    f"{tuple(shape)}: tap stages of the backbones."
                )
        outputs = max(self.batch_size // self.reduction_factor, 1)
        self.queries = nn.ModuleList(_embedding(self.batch_size, outputs) for _ in student_shapes)
        self.keys = nn.ModuleList(_embedding(self.batch_size, outputs) for _ in teacher_shapes)
        self.regressors = nn.ModuleList(
            nn.ModuleList(_regressor(own[1], other[1]) for other in teacher_shapes)
            for own in student_shapes
        )

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss over all pairs of layers.

        Args:
            student_features: One map (N, C, H, W) or several.
            teacher_features: One map or several. No gradient flows into them.
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.
        """
        students = as_list(student_features)
        teachers = [teacher.detach() for teacher in as_list(teacher_features)]
        if (len(students), len(teachers)) != (len(self.queries), len(self.keys)):
            raise ValueError(
                f"SemCKDLoss has parts for {len(self.queries)} student and {len(self.keys)} "
                f"teacher layers and got {len(students)} and {len(teachers)}: call its "
                "adapt(student_shapes, teacher_shapes) first."
            )
        with torch.autocast(students[0].device.type, enabled=False):
            distances = torch.stack(
                [
                    torch.stack([self.apart(i, j, own, other) for j, other in enumerate(teachers)])
                    for i, own in enumerate(students)
                ]
            )  # (L_s, L_t, N)
            attention = self.attention(students, teachers)
            # The sum is over the teacher's layers, the mean over the student's.
            loss = (attention * distances).sum(1).mean(0)
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def apart(self, i: int, j: int, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the distance of the student's layer i to the teacher's layer j, shape (N,)."""
        regressors = self.regressors[i]
        assert isinstance(regressors, nn.ModuleList)
        student, teacher = same_size(student, teacher)
        return hint_distance(regressors[j](student), teacher)

    def attention(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Tensor:
        """Return the attention of each of the student's layers to each of the teacher's layers.

        The shape is (L_s, L_t, N); the sum over the teacher's layers is 1.
        """
        queries = self._embedded(self.queries, students)
        keys = self._embedded(self.keys, teachers)
        energy = torch.einsum("snd,tnd->stn", queries, keys) / self.temperature
        return energy.softmax(1)

    def _embedded(self, embeddings: nn.ModuleList, layers: Sequence[Tensor]) -> Tensor:
        rows = []
        for embed, maps in zip(embeddings, layers, strict=True):
            if len(maps) > self.batch_size:
                raise ValueError(
                    f"SemCKDLoss is made for batches of {self.batch_size} samples and got "
                    f"{len(maps)}: set its batch_size to train_dataloader.batch_size."
                )
            vectors = maps.flatten(1)
            # Similarities with samples that a smaller batch lacks count as 0.
            similarities = pad(vectors @ vectors.T, (0, self.batch_size - len(maps)))
            rows.append(normalize(embed(similarities), dim=1))
        return torch.stack(rows)
