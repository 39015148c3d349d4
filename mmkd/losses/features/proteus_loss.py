"""Regression of a foundation model's class token and tokens (Proteus)."""

from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.arithmetic import full_precision, reduce_loss
from mmkd.connectors.projection import resize
from mmkd.losses.base.feature_loss import FeatureLoss, Features
from mmkd.losses.base.feature_maps import channels_of
from mmkd.losses.features.hint_loss import hint_distance
from mmkd.networks.grids import as_maps, to_tokens
from mmkd.networks.masked_patches import EMBEDDINGS, MaskedPatches
from mmkd.registry import MODELS

Shape = Sequence[int]


@MODELS.register_module()
class ProteusLoss(FeatureLoss):
    r"""Squared differences of class tokens and of all tokens, each behind a trained head.

    Accessing Vision Foundation Models via ImageNet-1K (Zhang et al., ICLR 2025), called Proteus:

    .. math:: w_c\,MSE(g_c(c_s), c_t) + w_f\,MSE(g_f([c_s, p_s]), [c_t, p_t])
        + w_p\,MSE(g_p(\tilde{p}_s), p_t)

    with the class token c, (N, D), the patches p, (N, L, D), and heads g of a layer norm and a
    linear layer, as in the released code (BeSpontaneous/Proteus-pytorch, MIT), which takes 1 for
    all weights with DINOv2 and (1, 0, 0) with CLIP. The third part compares patches that the
    student does not see. The student runs a second time, on ``mask_share`` of the images; in each
    of these a trained token replaces ``mask_ratio`` of the patches, and :math:`\tilde{p}_s` are the
    student's outputs at these patches. The mean is over the masked patches of the batch. Here
    masked patches are drawn one by one; the paper's code masks blocks of patches.

    Taps are pairs, ``['@pooled', '@map']`` of both networks. A student without tokens has its
    pooled feature in place of the class token and the positions of its map in place of the patches,
    resized to the teacher's grid. That is an interpretation: Proteus trains ViTs alone. A student
    that has no patches, or merges them, has no third part; the log says so. The loss needs neither
    labels nor logits.

    Args:
        class_weight: :math:`w_c`.
        token_weight: :math:`w_f`.
        patch_weight: :math:`w_p`.
        mask_share: Share of the images that are masked; at least one image is.
        mask_ratio: Share of the patches of such an image that are masked.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False

    def __init__(
        self,
        class_weight: float = 1.0,
        token_weight: float = 1.0,
        patch_weight: float = 1.0,
        mask_share: float = 0.5,
        mask_ratio: float = 0.5,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if not (0 < mask_share <= 1 and 0 < mask_ratio <= 1):
            raise ValueError(
                "mask_share and mask_ratio are shares above 0 and at most 1, not "
                f"{mask_share} and {mask_ratio}: to mask nothing write patch_weight=0."
            )
        self.class_weight, self.token_weight = class_weight, token_weight
        self.patch_weight = patch_weight
        self.mask_share, self.mask_ratio = mask_share, mask_ratio
        self.widths: tuple[int, ...] = ()
        self.class_head: nn.Module | None = None
        self.token_head: nn.Module | None = None
        self.patch_head: nn.Module | None = None
        self.mask_token: nn.Parameter | None = None
        self.patches: MaskedPatches | None = None

    def adapt(self, student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape]) -> None:
        """Build the heads for the shapes of a vector (N, D) and of a map or tokens."""
        own, theirs = _width(student_shapes), _width(teacher_shapes)
        if self.class_weight:
            self.class_head = _head(own, theirs)
        if self.token_weight:
            self.token_head = _head(own, theirs)
        self.widths = own, theirs

    def mask(self, patches: MaskedPatches | None) -> None:
        """Take the student's masked patches; without any, the third part is left out."""
        if not self.patch_weight:
            return
        if patches is None:
            print_log(
                "ProteusLoss leaves out its part on masked patches: the student has no module "
                f"{', '.join(EMBEDDINGS)} whose patches are the positions of its last map.",
                "current",
            )
            return
        self.patches, self.patch_head = patches, _head(*self.widths).to(patches.device)
        self.mask_token = nn.Parameter(torch.zeros(patches.width, device=patches.device))

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        inputs: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            student_features: The class token (N, D) and the patches (N, L, D), or a map.
            teacher_features: The same of the teacher. No gradient flows into them.
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.
            inputs: The student's images (N, C, H, W), for its part on masked patches.
        """
        reduction = reduction_override or self.reduction
        loss = super().forward(student_features, teacher_features, reduction_override="none")
        if self.patches is not None and len(loss):
            if inputs is None:
                raise ValueError("ProteusLoss masks patches, and needs the images as `inputs`.")
            masked = self._masked(inputs, full_precision(teacher_features[1].detach()))
            loss = loss + self.loss_weight * self.patch_weight * masked
        return reduce_loss(loss, weight, reduction, avg_factor)

    def _masked(self, inputs: Tensor, patches: Tensor) -> Tensor:
        """Return each image's squared difference at masked patches, (N,), 0 for other images.

        The values are scaled so that their mean is the mean over the masked images.

        Args:
            inputs: The student's images (N, C, H, W).
            patches: The teacher's patches, (N, L, D), or a map.
        """
        assert self.patches is not None
        assert self.mask_token is not None
        assert self.patch_head is not None
        count = max(round(self.mask_share * len(inputs)), 1)
        images = torch.randperm(len(inputs), device=inputs.device)[:count]
        grid = self.patches.count
        order = torch.rand(count, grid, device=inputs.device).argsort(1)
        hidden = order < max(round(self.mask_ratio * grid), 1)
        own = self.patches(inputs[images], hidden, self.mask_token)
        with torch.autocast(inputs.device.type, enabled=False):
            own, theirs = as_maps(full_precision(own), patches[images])
            size = theirs.shape[2:]
            share = to_tokens(resize(hidden.to(own).reshape(-1, 1, *own.shape[2:]), *size))
            apart = self.patch_head(to_tokens(resize(own, *size))) - to_tokens(theirs)
            each = apart.square().mean(2)
            mean = (share[..., 0] * each).sum(1) / share.sum((1, 2))
        spread: Tensor = mean.new_zeros(len(inputs)).index_put((images,), mean)
        return spread * (len(inputs) / count)

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        if not self.widths:
            raise ValueError(
                "ProteusLoss has no heads yet: call its adapt(student_shapes, teacher_shapes)."
            )
        (own_class, class_token), (own_map, patches) = pairs
        loss = torch.zeros_like(own_class[:, 0])
        if self.class_head is not None:
            loss = loss + self.class_weight * hint_distance(self.class_head(own_class), class_token)
        if self.token_head is not None:
            own, theirs = as_maps(own_map, patches)
            own = resize(own, *theirs.shape[2:])
            tokens = torch.cat([own_class[:, None], to_tokens(own)], dim=1)
            target = torch.cat([class_token[:, None], to_tokens(theirs)], dim=1)
            loss = loss + self.token_weight * hint_distance(self.token_head(tokens), target)
        return loss


def _head(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, outputs))


def _width(shapes: Sequence[Shape]) -> int:
    """Return the number of channels D of a vector (N, D) and of a map or tokens.

    Raises:
        ValueError: If the features are no such pair.
    """
    widths = {channels_of(shape) for shape in shapes}
    if len(shapes) != 2 or len(shapes[0]) != 2 or len(shapes[1]) < 3 or len(widths) > 1:
        raise ValueError(
            "ProteusLoss compares a vector (N, D) and a map or tokens of as many channels D, not "
            f"features of shapes {[tuple(shape) for shape in shapes]}: tap ['@pooled', '@map'] of "
            "both networks."
        )
    return widths.pop()
