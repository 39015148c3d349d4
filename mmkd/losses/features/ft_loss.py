"""Factor transfer (FT)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mmkd.arithmetic import full_precision
from mmkd.losses.base.feature_maps import same_size
from mmkd.losses.base.paired_parts_loss import PairedPartsLoss, Shape
from mmkd.losses.features.at_loss import attention
from mmkd.losses.features.hint_loss import hint_distance
from mmkd.registry import MODELS

FORMS = ("factor", "attention")


def _layers(
    kind: type[nn.Conv2d] | type[nn.ConvTranspose2d], widths: tuple[int, ...], norm: bool
) -> nn.Sequential:
    """Return 3x3 (transposed) convolutions between these widths, each with a leaky ReLU."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers.append(kind(before, after, 3, stride=1, padding=1))
        layers += [nn.BatchNorm2d(after)] if norm else []
        layers.append(nn.LeakyReLU(0.1))
    return nn.Sequential(*layers)


class Factors(nn.Module):
    """Paraphraser, an autoencoder of the teacher's map, and translator of the student's map.

    Args:
        channels: Channels of the student's map.
        teacher_channels: Channels of the teacher's map.
        factor_channels: Channels of the factors.
    """

    def __init__(self, channels: int, teacher_channels: int, factor_channels: int) -> None:
        super().__init__()
        full, small = teacher_channels, factor_channels
        self.encoder = _layers(nn.Conv2d, (full, full, small, small), norm=False)
        self.decoder = _layers(nn.ConvTranspose2d, (small, small, full, full), norm=False)
        self.translator = _layers(nn.Conv2d, (channels, channels, small, small), norm=True)


@MODELS.register_module()
class FTLoss(PairedPartsLoss):
    r"""Difference between factors of the student's map and of the teacher's.

    Paraphrasing Complex Network: Network Compression via Factor Transfer (Kim, Park, Kwak; NeurIPS
    2018): a paraphraser, an autoencoder of three 3x3 convolutions a side, turns the teacher's map
    into a factor of ``rate`` times its channels, and a translator does the same with the student's
    map. The loss is the mean absolute difference of the factors, each scaled to unit length.

    The paper trains the paraphraser before the student. Here it learns in the same run, which is an
    interpretation: the loss adds a reconstruction error for the paraphraser, and the factor that
    the student learns gives the paraphraser no gradient. With ``released_code`` the paraphraser is
    trained before the student, as in the paper.

    Args:
        rate: The paraphrase rate k.
        form: ``'factor'``, the form of the paper; or ``'attention'``, the form of RepDistiller,
            which compares the squares of factors, averaged over channels and scaled to unit length.
        reconstruction_weight: Weight of the paraphraser's mean squared error. The term's weight
            multiplies it, so divide 1 by the term's weight to train the paraphraser with a weight
            of 1: 0.002 for the 500 of the paper's code, 0.005 for the 200 of RepDistiller.
        released_code: Train the paraphraser before the student, as RepDistiller does, and keep it
            fixed while the student trains. :class:`mmkd.ParaphraserHook` does that.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    paraphrased: Tensor

    def __init__(
        self,
        rate: float = 0.5,
        form: str = "factor",
        reconstruction_weight: float = 0.002,
        released_code: bool = False,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if rate <= 0 or reconstruction_weight <= 0:
            raise ValueError(
                "FTLoss needs a positive rate and reconstruction_weight, not "
                f"{rate} and {reconstruction_weight}: its paraphraser would not learn."
            )
        if form not in FORMS:
            raise ValueError(f"The form is one of {', '.join(FORMS)}, not {form!r}.")
        self.rate, self.form = rate, form
        self.reconstruction_weight = reconstruction_weight
        self.released_code = released_code
        self.register_buffer("paraphrased", torch.tensor(not released_code), released_code)
        self._ready = not released_code

    def part(self, student_shape: Shape, teacher_shape: Shape) -> nn.Module:
        for shape in (student_shape, teacher_shape):
            if len(shape) != 4:
                raise ValueError(
                    f"FTLoss compares feature maps (N, C, H, W), not features of shape {shape}: "
                    "tap the last stage of the backbone."
                )
        factor = max(int(teacher_shape[1] * self.rate), 1)
        factors = Factors(student_shape[1], teacher_shape[1], factor)
        for weight in (*factors.encoder.parameters(), *factors.decoder.parameters()):
            weight.requires_grad_(not self.released_code)
        return factors

    def paraphrasers(self) -> list[nn.Parameter]:
        """Return the weights of the paraphrasers."""
        return [w for name, w in self.parts.named_parameters() if ".translator." not in name]

    def reconstruction(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the paraphrasers' mean squared error, 0-dim, on maps of the teacher."""
        errors = []
        for part, teacher in zip(self.parts, maps, strict=True):
            assert isinstance(part, Factors)
            teacher = full_precision(teacher.detach())
            errors.append(hint_distance(part.decoder(part.encoder(teacher)), teacher).mean())
        return torch.stack(errors).sum()

    def compare(self, part: nn.Module, student: Tensor, teacher: Tensor) -> Tensor:
        assert isinstance(part, Factors)
        self._check_paraphrased()
        paraphrased = part.encoder(teacher)
        factors = same_size(part.translator(student), paraphrased.detach())
        if self.form == "attention":
            own, theirs = (attention(factor) for factor in factors)
        else:
            own, theirs = (normalize(factor.flatten(1)) for factor in factors)
        apart = (own - theirs).abs().mean(1)
        if self.released_code:
            return apart
        reconstruction = hint_distance(part.decoder(paraphrased), teacher)
        return apart + self.reconstruction_weight * reconstruction

    def _check_paraphrased(self) -> None:
        if not self._ready and not bool(self.paraphrased):
            raise ValueError(
                "FTLoss with released_code=True needs a paraphraser that was trained before: add "
                "dict(type='mmkd.ParaphraserHook') to custom_hooks."
            )
        self._ready = True
