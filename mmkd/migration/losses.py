"""Losses and connectors of mmrazor as parts of a term.

Each function takes the settings of a class of mmrazor under their names there, and returns the
settings of a term that computes the same. The formulas were compared with mmrazor 1.0.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mmkd.migration.report import NoCounterpartError

Config = dict[str, Any]


@dataclass
class Entry:
    """Tensors and facts that enter a loss of mmrazor, besides its own settings.

    Attributes:
        student: Tap of the student.
        teacher: Tap of the teacher.
        student_connector: Config of the student's connector in mmrazor, if there is one.
        teacher_connector: The same for the teacher.
        classes: Returns the number of classes of the student's head.
        notes: What the conversion changed, in words.
    """

    student: str
    teacher: str
    student_connector: Config | None
    teacher_connector: Config | None
    classes: Callable[[], int]
    notes: list[str] = field(default_factory=list)


def conv_module(
    in_channel: int,
    out_channel: int,
    norm_cfg: Config | None = None,
    act_cfg: Config | None = dict(type="ReLU"),  # noqa: B006  (never changed)
    kernel_size: int = 1,
    stride: int = 1,
) -> Config:
    """Return the connector for mmrazor's ConvModuleConnector, a 1x1 convolution."""
    if (kernel_size, stride) != (1, 1):
        raise NoCounterpartError(
            f"a {kernel_size}x{kernel_size} convolution with stride {stride} has no counterpart: "
            "mmkd's connectors fit the teacher's map by themselves, see docs/methods.md."
        )
    form = (norm_cfg or {}).get("type"), (act_cfg or {}).get("type")
    if form == ("BN", "ReLU"):
        return dict(type="mmkd.ConvBNReLUConnector")
    if form == ("BN", None):
        return dict(type="mmkd.ConvBNConnector")
    if form == (None, None) and in_channel != out_channel:
        return dict(type="mmkd.ProjectionConnector")
    raise NoCounterpartError(
        f"a convolution with the norm {form[0]} and the activation {form[1]} has no counterpart: "
        "mmkd has BN with and without ReLU, and neither."
    )


def kl_divergence(
    entry: Entry,
    tau: float = 1.0,
    reduction: str = "batchmean",
    loss_weight: float = 1.0,
    teacher_detach: bool = True,
) -> Config:
    """KD. mmrazor's ``'mean'`` also divides by the number of classes."""
    if not teacher_detach:
        raise NoCounterpartError("a gradient to the teacher has no counterpart.")
    loss = dict(type="mmkd.KDLoss", temperature=float(tau))
    if reduction == "mean":
        classes = entry.classes()
        entry.notes.append(
            f"reduction='mean' divides by the {classes} classes too, so that the weight is "
            f"{loss_weight} / {classes}."
        )
        return dict(loss=loss, weight=loss_weight / classes)
    if reduction == "sum":
        loss["reduction"] = "sum"
    elif reduction != "batchmean":
        raise NoCounterpartError(f"reduction={reduction!r} gives no single number.")
    return dict(loss=loss, weight=loss_weight)


def soft_cross_entropy(
    entry: Entry,
    tau: float = 1.0,
    reduction: str = "mean",
    mult_tem_square: bool = True,
    loss_weight: float = 1.0,
) -> Config:
    """KD as a cross-entropy, whose value is higher by the teacher's entropy."""
    if reduction not in ("mean", "sum"):
        raise NoCounterpartError(f"reduction={reduction!r} gives no single number.")
    loss = dict(type="mmkd.KDLoss", temperature=float(tau))
    if reduction == "sum":
        loss["reduction"] = "sum"
    entry.notes.append(ENTROPY)
    return dict(loss=loss, weight=loss_weight if mult_tem_square else loss_weight / tau**2)


ENTROPY = (
    "mmrazor's value, a cross-entropy, is higher by the teacher's entropy, which the student "
    "cannot change; the gradient is the same."
)


def wsld(
    entry: Entry, tau: float = 1.0, loss_weight: float = 1.0, num_classes: int = 1000
) -> Config:
    """WSLD: KD with a sample weight."""
    entry.notes.append(ENTROPY)
    loss = dict(type="mmkd.KDLoss", temperature=float(tau))
    return dict(loss=loss, sample_weight=dict(type="mmkd.WSLDWeight"), weight=loss_weight)


def dkd(
    entry: Entry,
    tau: float = 1.0,
    alpha: float = 1.0,
    beta: float = 1.0,
    reduction: str = "batchmean",
    loss_weight: float = 1.0,
) -> Config:
    """DKD. mmrazor's loss is a sum over the batch, regardless of its ``reduction``."""
    entry.notes.append(
        f"mmrazor gives torch size_average=False, which sums over the batch and overrules "
        f"reduction={reduction!r}; so does the term. The paper takes the mean: remove "
        "reduction='sum' for it."
    )
    loss = dict(
        type="mmkd.DKDLoss", alpha=alpha, beta=beta, temperature=float(tau), reduction="sum"
    )
    return dict(loss=loss, weight=loss_weight)


def dist(
    entry: Entry,
    inter_loss_weight: float = 1.0,
    intra_loss_weight: float = 1.0,
    tau: float = 1.0,
    loss_weight: float = 1.0,
    teacher_detach: bool = True,
) -> Config:
    """DIST."""
    if not teacher_detach:
        raise NoCounterpartError("a gradient to the teacher has no counterpart.")
    loss = dict(
        type="mmkd.DISTLoss",
        beta=inter_loss_weight,
        gamma=intra_loss_weight,
        temperature=float(tau),
    )
    return dict(loss=loss, weight=loss_weight)


def cwd(entry: Entry, tau: float = 1.0, loss_weight: float = 1.0) -> Config:
    """CWD."""
    return dict(loss=dict(type="mmkd.CWDLoss", temperature=float(tau)), weight=loss_weight)


def pkd(entry: Entry, loss_weight: float = 1.0, resize_stu: bool = True) -> Config:
    """PKD. The default connector resizes the student's map, if the sizes differ."""
    if not resize_stu:
        raise NoCounterpartError("resize_stu=False has no counterpart: the student's is resized.")
    return dict(loss=dict(type="mmkd.PKDLoss"), weight=loss_weight)


def attention(entry: Entry, loss_weight: float = 1.0) -> Config:
    """AT."""
    return dict(loss=dict(type="mmkd.ATLoss", p=2), weight=loss_weight)


def boundaries(entry: Entry, loss_weight: float = 1.0, margin: float = 1.0) -> Config:
    """AB. mmrazor's loss contains the factor 0.003."""
    return dict(loss=dict(type="mmkd.ABLoss", margin=margin), weight=loss_weight * 0.003)


def hint(
    entry: Entry,
    loss_weight: float = 1.0,
    normalize: bool = True,
    mult: float = 1.0,
    div_element: bool = False,
    dist: bool = False,
) -> Config:
    """FitNets. Of mmrazor's forms only the mean of squared differences has a counterpart."""
    if normalize or dist or not div_element:
        form = "of unit length" if normalize else "that divide by images alone, or with a root"
        raise NoCounterpartError(
            f"squared differences {form} have no counterpart. mmkd.HintLoss is their mean over "
            "elements, mmrazor's normalize=False, div_element=True: --method fitnet."
        )
    return dict(loss=dict(type="mmkd.HintLoss"), weight=loss_weight)


def distances(entry: Entry, loss_weight: float = 25.0, with_l2_norm: bool = True) -> Config:
    """RKD's distances."""
    return _relations(entry, with_l2_norm, distance_weight=loss_weight, angle_weight=0.0)


def angles(entry: Entry, loss_weight: float = 50.0, with_l2_norm: bool = True) -> Config:
    """RKD's angles."""
    return _relations(entry, with_l2_norm, distance_weight=0.0, angle_weight=loss_weight)


def _relations(entry: Entry, normalised: bool, **weights: float) -> Config:
    if normalised:
        entry.notes.append(
            "with_l2_norm=True has no counterpart: mmkd.RKDLoss compares features of any length, "
            "as RepDistiller does."
        )
    return dict(loss=dict(type="mmkd.RKDLoss", **weights))


def masked(entry: Entry, alpha_mgd: float = 2e-5) -> Config:
    """MGD. The generator is a part of mmkd's loss, and a connector in mmrazor."""
    connector = entry.student_connector or {}
    loss = dict(type="mmkd.MGDLoss", alpha=alpha_mgd, mask_ratio=connector.get("lambda_mgd", 0.65))
    if connector.get("mask_on_channel", False):
        loss["masked"] = "channels"
    return dict(loss=loss)


def contrast(
    entry: Entry,
    loss_weight: float = 1.0,
    temperature: float = 0.07,
    neg_num: int = 16384,
    sample_n: int = 50000,
    dim_out: int = 128,
    momentum: float = 0.5,
    eps: float = 1e-7,
) -> Config:
    """CRD. The embeddings are a part of mmkd's loss, and connectors in mmrazor."""
    if loss_weight != 1:
        entry.notes.append(
            f"mmrazor does not apply loss_weight={loss_weight}; the term does, as the paper."
        )
    loss = dict(
        type="mmkd.CRDLoss",
        num_samples=sample_n,
        dim=dim_out,
        negatives=neg_num,
        temperature=temperature,
        momentum=momentum,
    )
    return dict(loss=loss, weight=loss_weight)


def factors(entry: Entry, loss_weight: float = 1.0) -> Config:
    """FT. Paraphraser and translator are parts of mmkd's loss, and connectors in mmrazor."""
    paraphraser = entry.teacher_connector or {}
    entry.notes.append(
        "the paraphraser learns in the same run, and needs no run before it: its error has a "
        "weight of 1."
    )
    loss = dict(
        type="mmkd.FTLoss",
        form="factor",
        rate=paraphraser["out_channel"] / paraphraser["in_channel"],
        reconstruction_weight=1 / loss_weight,
    )
    return dict(loss=loss, weight=loss_weight)


def overhaul(entry: Entry, loss_weight: float = 1.0, mul_factor: float = 1000.0) -> Config:
    """OFD. Its margins are a part of mmkd's loss, and a connector in mmrazor."""
    loss = dict(type="mmkd.OFDLoss", norms=[entry.teacher])
    return dict(loss=loss, weight=loss_weight / mul_factor)


LOSSES: dict[str, Callable[..., Config]] = dict(
    KLDivergence=kl_divergence,
    KDSoftCELoss=soft_cross_entropy,
    WSLD=wsld,
    DKDLoss=dkd,
    DISTLoss=dist,
    ChannelWiseDivergence=cwd,
    PKDLoss=pkd,
    ATLoss=attention,
    ABLoss=boundaries,
    L2Loss=hint,
    DistanceWiseRKD=distances,
    AngleWiseRKD=angles,
    MGDLoss=masked,
    CRDLoss=contrast,
    FTLoss=factors,
    OFDLoss=overhaul,
)
# Losses that compare probabilities of classes.
OF_LOGITS = {"KLDivergence", "KDSoftCELoss", "WSLD", "DKDLoss", "DISTLoss"}
# Connectors that are parts of mmkd's losses: the student's, and the teacher's.
PARTS: dict[str, tuple[str | None, str | None]] = dict(
    MGDLoss=("MGDConnector", None),
    CRDLoss=("CRDConnector", "CRDConnector"),
    FTLoss=("Translator", "Paraphraser"),
    OFDLoss=(None, "OFDTeacherConnector"),
)
