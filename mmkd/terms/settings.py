"""Settings of a term, as a config writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from mmkd.arguments import check_arguments
from mmkd.compat.running import running_config
from mmkd.schedule import Schedule

Config = dict[str, Any]
TapTexts = str | Sequence[str]


@dataclass(frozen=True)
class TermSettings:
    """One line of the objective, ``weight * schedule * sum over teachers of loss``.

    Attributes:
        loss: Config of the loss, or the loss itself.
        student: Tap or taps of the student, the logits by default.
        teacher: Tap or taps of the teachers: for all of them, or a dict from the names of those
            that take part. By default the logits of all teachers.
        logits: Taps of the logits that this term reads in place of the distiller's, for instance of
            one stage of a cascade: for all networks, or a dict by ``student`` and the teachers'
            names.
        connector: Config of the connector between the student's and the teacher's features. By
            default :func:`mmkd.connectors.connect` chooses one if the loss needs equal shapes and
            they differ.
        teacher_transform: Config of a module that changes the teachers' features before they are
            compared, such as :class:`mmkd.connectors.RunningStandardize`. It is built once for
            each tap of each teacher, from ``shape``.
        sample_weight: Config of a sample weight, computed from the logits of student and teacher.
        teacher_weight: Config of a teacher weight. By default several teachers are averaged.
        weigh_through: Modules of a teacher that turn the feature at its tap into its logits:
            ``['@logits']`` for all modules between the tap and the logits, or paths such as
            ``['neck', 'head.fc']``. The teacher weight then reads the logits that these modules
            compute from the student's connected feature, in place of the teacher's logits.
        cross: Path of a convolution in a tower of both dense heads, such as
            ``'bbox_head.cls_convs.2'``. The rest of the teacher's head then makes a prediction from
            the student's feature behind that convolution, and the term compares this prediction, in
            place of the student's output, with the teacher's output, see
            :class:`mmkd.teachers.CrossHead`. Its connector is between these features.
        labels: Tap of the student at which it assigns labels during training, such as
            ``'roi_head.bbox_head.loss_cls:input[1]'`` of a two-stage detector. By default the term
            uses the labels of the data samples.
        locations: Config of :class:`mmkd.locations.Locations`, for outputs of detectors that are
            compared at some selected places in each step. The taps may then be lists over levels.
        select: Config of a choice of the samples that enter the term in each step, such as
            :class:`mmkd.selection.SelectByEntropy`. A sample is what has one row of logits: an
            image, a RoI, or one of the selected places.
        weight: Scalar weight of the term, at least 0. A term of weight 0 is left out.
        schedule: Arguments of :class:`mmkd.schedule.Schedule`.
    """

    loss: Config | nn.Module
    student: TapTexts | None = None
    teacher: TapTexts | Mapping[str, TapTexts] | None = None
    logits: TapTexts | Mapping[str, TapTexts] | None = None
    connector: Config | None = None
    teacher_transform: Config | None = None
    sample_weight: Config | nn.Module | None = None
    teacher_weight: Config | nn.Module | None = None
    weigh_through: Sequence[str] = ()
    cross: str | None = None
    labels: str | None = None
    locations: Config | None = None
    select: Config | nn.Module | None = None
    weight: float = 1.0
    schedule: Config | None = None

    @classmethod
    def read(cls, name: str, config: Mapping[str, Any]) -> "TermSettings":
        """Read the settings of the term ``name``.

        Raises:
            ValueError: If a setting is unknown, missing or of a wrong type, or the weight is
                negative.
        """
        check_arguments(cls, config, f"term {name!r}")
        settings = cls(**config)
        if not 0 <= settings.weight < float("inf"):
            raise ValueError(
                f"The weight of the term {name!r} is {settings.weight}: a negative weight would "
                "drive the student away from its teacher. Give a finite number of at least 0."
            )
        if settings.weigh_through and settings.teacher_weight is None:
            raise ValueError(
                f"The term {name!r} has `weigh_through` but no `teacher_weight` that it serves."
            )
        read_schedule(settings.schedule, f"term {name!r}")
        return settings


def read_schedule(config: Mapping[str, Any] | None, title: str) -> Schedule | None:
    """Build the schedule of a config, or ``None``; ``title`` names its place in errors.

    Raises:
        ValueError: If the settings are wrong, or the schedule begins after the run.
    """
    if config is None:
        return None
    check_arguments(Schedule, config, f"schedule of the {title}")
    schedule = Schedule(**config)
    run = running_config()
    unit = "epochs" if schedule.by_epoch else "iters"
    length = None if run is None else (run.get("train_cfg") or {}).get(f"max_{unit}")
    if length is not None and schedule.begin >= length:
        raise ValueError(
            f"The schedule of the {title} begins after {schedule.begin} {unit}, and the run has "
            f"{length}: it would never act. Begin earlier, or leave it out."
        )
    return schedule


def check_terms(terms: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that an objective has terms that act.

    Raises:
        ValueError: If ``terms`` is no dict, is empty, or all its weights are 0.
    """
    if not isinstance(terms, Mapping):
        raise ValueError(
            f"`terms` is a dict of terms by name, terms=dict(kd=dict(loss=...)), not {terms!r}."
        )
    if not terms:
        raise ValueError(
            "`terms` is empty: nothing would be distilled. Give at least one term, such as "
            "terms=dict(kd=dict(loss=dict(type='mmkd.KDLoss')))."
        )
    for name, config in terms.items():
        if not isinstance(name, str) or not isinstance(config, Mapping):
            raise ValueError(
                f"The term {name!r} is {config!r}. A term is a dict of settings under a name, such "
                "as terms=dict(kd=dict(loss=dict(type='mmkd.KDLoss')))."
            )
    acting = [config for config in terms.values() if config.get("weight", 1) != 0]
    if not acting:
        raise ValueError(
            f"All terms have weight 0 ({', '.join(terms)}): nothing would be distilled. Train the "
            "student's own config instead, or give a term a weight."
        )
