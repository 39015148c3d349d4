"""A learnable scale of the student's logits that corrects its entropy (DynamicKD)."""

import math

import torch
from torch import Tensor, nn

from mmkd.registry import MODELS

POSITIONS = ("multiply", "divide")
DOMAINS = ("clamp", "exp", "softplus")


@MODELS.register_module()
class EntropyController(nn.Module):
    r"""Scale the student's logits by a factor :math:`\alpha` that the distillation loss trains.

    DynamicKD: An Effective Knowledge Distillation via Dynamic Entropy Correction-Based Distillation
    for Gap Optimizing (Zhu et al., Pattern Recognition 2024). In the paper the distillation loss
    updates an entropy controller on the student's side; this form of the controller is an
    interpretation. With :math:`u = \sigma(\alpha z_s/T)` and the target :math:`p`, the entropy of
    :math:`u` falls as :math:`\alpha` grows, and :math:`T^2 KL(p\,\|\,u)` has the derivative
    :math:`T(E_u[z_s] - E_p[z_s])` and is convex in :math:`\alpha`. At 1 the loss is the same as
    without a controller. The controller belongs in a loss's ``student_transforms``, and only that
    loss sees it, unless it is one of the ``shared`` modules of :class:`mmkd.Distiller`: several
    losses, and the student's task losses, may name such a module.

    The parameter is named ``raw_alpha``. Weight decay would pull it to 0, so switch the decay off,
    and set a separate learning rate if it needs one, with ``optim_wrapper=dict(...,
    paramwise_cfg=dict(custom_keys={'raw_alpha': dict(lr_mult=1.0, decay_mult=0.0)}))``.

    Args:
        init: Initial :math:`\alpha`, above 0.
        position: ``'multiply'`` for :math:`\alpha z`, ``'divide'`` for :math:`z/\alpha`, which
            makes :math:`\alpha` a temperature: the entropy rises with it.
        domain: Method that keeps :math:`\alpha` positive. ``'clamp'``: the parameter itself, not
            below ``min``; the gradient passes the floor, so that the parameter can return.
            ``'exp'`` and ``'softplus'``: this function of the parameter.
        num_classes: Number of classes with a factor each; by default there is one factor for all.
        momentum: Use the exponential moving average of :math:`\alpha` in the forward pass; each
            pass in training mode keeps this share of the old average. The gradient is that of
            :math:`\alpha`. By default there is no average.
        min: Floor of the domain ``'clamp'``.
    """

    average: Tensor

    def __init__(
        self,
        init: float = 1.0,
        position: str = "multiply",
        domain: str = "clamp",
        num_classes: int | None = None,
        momentum: float | None = None,
        min: float = 0.01,
    ) -> None:
        super().__init__()
        if position not in POSITIONS:
            raise ValueError(f"position must be one of {POSITIONS}, not {position!r}.")
        if domain not in DOMAINS:
            raise ValueError(f"domain must be one of {DOMAINS}, not {domain!r}.")
        if init <= 0 or min <= 0:
            raise ValueError(f"init and min must be positive, not {init} and {min}.")
        if momentum is not None and not 0 <= momentum < 1:
            raise ValueError(f"The momentum must be from 0 to below 1, not {momentum}.")
        self.position, self.domain, self.momentum, self.min = position, domain, momentum, min
        shape = () if num_classes is None else (num_classes,)
        raw = init
        if domain == "exp":
            raw = math.log(init)
        elif domain == "softplus":
            raw = init + math.log(-math.expm1(-init))
        self.raw_alpha = nn.Parameter(torch.full(shape, float(raw)))
        if momentum is not None:
            self.register_buffer("average", self.alpha.detach().clone())

    @property
    def alpha(self) -> Tensor:
        r"""Factor :math:`\alpha` from the current parameter, 0-dim or shape (C,)."""
        if self.domain == "exp":
            return self.raw_alpha.exp()
        if self.domain == "softplus":
            return nn.functional.softplus(self.raw_alpha)
        return _straight_through(self.raw_alpha, self.raw_alpha.clamp(min=self.min))

    def statistics(self) -> dict[str, Tensor]:
        """Return the factor for the log; mean, minimum and maximum if there is one per class."""
        alpha = self.alpha.detach()
        scalars = {"alpha": alpha.mean()}
        if alpha.dim():
            scalars.update(alpha_min=alpha.min(), alpha_max=alpha.max())
        if self.momentum is not None:
            scalars["alpha_average"] = self.average.mean()
        return scalars

    def forward(self, logits: Tensor) -> Tensor:
        """Return the scaled logits, shape (N, C) like the input."""
        alpha = self.alpha
        if alpha.dim() and len(alpha) != logits.shape[-1]:
            raise ValueError(
                f"The EntropyController has num_classes={len(alpha)}, but the logits have "
                f"{logits.shape[-1]}."
            )
        if self.momentum is not None:
            if self.training:
                self.average.lerp_(alpha.detach(), 1 - self.momentum)
            alpha = _straight_through(alpha, self.average)
        return logits * alpha if self.position == "multiply" else logits / alpha


def _straight_through(source: Tensor, value: Tensor) -> Tensor:
    """Return ``value`` with the gradient of ``source``."""
    return source + (value - source).detach()
