"""Regression of a foundation model's class token and tokens (Proteus)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.connectors.projection import resize
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import channels_of
from mmkd.losses.features.hint_loss import hint_distance
from mmkd.networks.grids import as_maps, to_tokens
from mmkd.registry import MODELS

Shape = Sequence[int]


@MODELS.register_module()
class ProteusLoss(FeatureLoss):
    r"""Squared differences of class tokens and of all tokens, each behind a trained head.

    Accessing Vision Foundation Models via ImageNet-1K (Zhang et al., ICLR 2025), called Proteus:

    .. math:: w_c\,MSE(g_c(c_s), c_t) + w_f\,MSE(g_f([c_s, p_s]), [c_t, p_t])

    with the class token c, (N, D), the patches p, (N, L, D), and two heads g of a layer norm and a
    linear layer, as in the released code (BeSpontaneous/Proteus-pytorch, MIT), which takes 1 for
    both weights with DINOv2 and (1, 0) with CLIP. It adds a third term on patches that the student
    does not see, for which the student runs a second time on masked tokens; that term is not here.

    Taps are pairs, ``['@pooled', '@map']`` of both networks. A student without tokens has its
    pooled feature in place of the class token and the positions of its map in place of the patches,
    resized to the teacher's grid. That is an interpretation: Proteus trains ViTs alone. It needs
    neither labels nor logits.

    Args:
        class_weight: :math:`w_c`.
        token_weight: :math:`w_f`.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False

    def __init__(
        self,
        class_weight: float = 1.0,
        token_weight: float = 1.0,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        self.class_weight, self.token_weight = class_weight, token_weight
        self.class_head: nn.Module | None = None
        self.token_head: nn.Module | None = None

    def adapt(self, student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape]) -> None:
        """Build the heads for the shapes of a vector (N, D) and of a map or tokens."""
        own, theirs = _width(student_shapes), _width(teacher_shapes)
        if self.class_weight:
            self.class_head = _head(own, theirs)
        if self.token_weight:
            self.token_head = _head(own, theirs)

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        if (self.class_head, self.token_head) == (None, None):
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
