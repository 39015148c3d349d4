"""Loss on features and on their effect in the later layers of both networks (FCFD)."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision, reduce_loss
from mmkd.losses.base.feature_loss import FeatureLoss, Features
from mmkd.losses.base.feature_maps import pooled
from mmkd.losses.base.logit_loss import Tempered, kd_divergence
from mmkd.losses.fcfd.fcfd_bridge import FCFDBridge
from mmkd.losses.fcfd.stages import Stages
from mmkd.losses.features.hint_loss import hint_distance
from mmkd.registry import MODELS
from mmkd.schedule import Schedule

Shapes = Sequence[Sequence[int]]
DIRECTIONS = {"both": (True, False), "to_teacher": (True,), "to_student": (False,)}


@MODELS.register_module()
class FCFD(FeatureLoss):
    r"""Differences of features, plus divergences of the logits that both networks make of them.

    Function-Consistent Feature Distillation (Liu et al., ICLR 2023). Maps :math:`F_s^i` and
    :math:`F_t^i` of stages i = 1..L are compared after trained bridges b (:class:`FCFDBridge`):

    .. math:: w_f \left[\sum_i MSE(b_i(F_s^i), F_t^i) + MSE(h(b_L(F_s^L)), h(F_t^L)) + \dots\right]
        + w_p \sum_{p} T^2\,KL(\sigma(z_t/T) \| \sigma(z_p/T)),

    where h is ReLU and global average, :math:`z_t` are the teacher's logits, and p are mixed paths.
    A path to the teacher replaces :math:`F_t^i` by the bridged :math:`F_s^i`, i < L, and runs the
    teacher on from there; the maps at its later stages are also compared with the maps of the
    unchanged teacher, which the dots stand for. A path to the student replaces the student's map by
    the teacher's map after another bridge, and runs the student on. Each step draws ``paths`` of
    these 2 (L - 1) paths. Task loss and KD are not in this loss: they are other terms.

    A term taps the same number of stages of both networks, which have to be modules that run one
    after another; see :class:`mmkd.losses.fcfd.stages.Stages`. In the authors' experiments the stem
    is not among them.

    From the released code (github.com/LiuDongyang6/FCFD): the form of the bridges, two paths a
    step, drawn without repetition from both directions, the weights, and the batch norms of mixed
    paths through the student, which normalise by the batch of the path and leave the student's
    running statistics alone. The released code trains the teacher's batch norms, so they normalise
    by the batch as well. Here the teacher is in eval mode, also in the mixed paths, as in any other
    method. A bridge whose path is not drawn gets a gradient of 0 here, so that the optimizer still
    applies momentum and weight decay to it; in the released code it gets no gradient.
    Interpretations: whether a bridge ends in a leaky ReLU is decided by the map that it leads to,
    where the released code has a flag for each network; all processes draw the same paths.

    Args:
        temperature: T of the mixed paths.
        feature_weight: :math:`w_f`.
        path_weight: :math:`w_p`.
        paths: Number of mixed paths that are drawn in each step.
        directions: ``'both'``, or ``'to_teacher'`` or ``'to_student'`` alone.
        feature_schedule: Arguments of :class:`mmkd.schedule.Schedule` for :math:`w_f`; the
            published recipe for CIFAR-100 has ``dict(warmup=20)``, that for ImageNet 5 epochs.
        released_code: Multiply the difference of the pooled features by the batch's mean of a
            sample weight, as the released code of ER-FCFD does: its product with weights (N, 1, 1,
            1) broadcasts, and the mean of such a product is the product of the means.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False
    draws: Tensor

    def __init__(
        self,
        temperature: float = 4.0,
        feature_weight: float = 5.0,
        path_weight: float = 1.0,
        paths: int = 2,
        directions: str = "both",
        feature_schedule: dict[str, Any] | None = None,
        released_code: bool = False,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if temperature <= 0 or paths < 0 or directions not in DIRECTIONS:
            raise ValueError(
                "FCFD needs a positive temperature, a number of paths from 0, and directions among "
                f"{', '.join(DIRECTIONS)}, not {temperature}, {paths} and {directions!r}."
            )
        self.temperature, self.paths, self.directions = temperature, paths, directions
        self.feature_weight, self.path_weight = feature_weight, path_weight
        self.feature_schedule = Schedule(**feature_schedule or {})
        self.released_code = released_code
        self.to_teacher, self.to_student = nn.ModuleList(), nn.ModuleList()
        self._stages: dict[str, Stages] = {}
        # The drawn paths follow from a seed and the number of steps. Checkpoints hold both, and DDP
        # makes them equal at the start: networks with SyncBN have to run the same path in every
        # process.
        self.register_buffer("draws", torch.stack([torch.randint(2**31, ()), torch.tensor(0)]))

    def adapt(self, student_shapes: Shapes, teacher_shapes: Shapes) -> None:
        """Check that there are maps in pairs; :meth:`follow` builds the bridges between them."""
        if len(student_shapes) != len(teacher_shapes):
            raise ValueError(
                f"FCFD compares stages in pairs, and taps {len(student_shapes)} of the student and "
                f"{len(teacher_shapes)} of the teacher: tap as many of each."
            )
        for shape in (*student_shapes, *teacher_shapes):
            if len(shape) != 4:
                raise ValueError(
                    "FCFD compares feature maps (N, C, H, W), not features of shape "
                    f"{tuple(shape)}: tap stages of the backbones."
                )

    def follow(self, student: Stages, teacher: Stages) -> None:
        """Take both networks and build the bridges. A term calls this when it is built."""
        if student.classes != teacher.classes:
            raise ValueError(
                f"FCFD compares the logits of both networks: the student has {student.classes} "
                f"classes and the teacher {teacher.classes}."
            )
        choices = len(self._choices(len(student.shapes)))
        if self.paths > choices:
            raise ValueError(
                f"FCFD draws {self.paths} mixed paths a step, and {len(student.shapes)} stages "
                f"have {choices} in the directions {self.directions!r}: tap more stages, or set "
                "paths."
            )
        self._stages = dict(student=student, teacher=teacher)
        pairs = [*zip(student.shapes, teacher.shapes, strict=True)]
        self.to_teacher = nn.ModuleList(
            FCFDBridge(own, other, activated)
            for (own, other), activated in zip(pairs, teacher.activated, strict=True)
        )
        if self.directions != "to_teacher":  # No path leaves the last stage.
            self.to_student = nn.ModuleList(
                FCFDBridge(other, own, activated)
                for (own, other), activated in zip(pairs[:-1], student.activated[:-1], strict=True)
            )

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss; in training the next call draws other paths.

        Args:
            student_features: The student's maps, shape (N, C, H, W) each.
            teacher_features: As many of the teacher. No gradient flows into them.
            weight: Sample weight, shape (N,), of all squared differences and divergences.
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.
        """
        own, theirs = (
            [features] if isinstance(features, Tensor) else [*features]
            for features in (student_features, teacher_features)
        )
        if not self._stages or not len(own) == len(theirs) == len(self.to_teacher):
            raise ValueError(
                f"FCFD has {len(self.to_teacher)} bridges to the teacher and got {len(own)} and "
                f"{len(theirs)} maps. A term of a distiller shows it both networks, or call its "
                "follow(student, teacher) with their stages."
            )
        theirs = [feature.detach() for feature in theirs]
        drawn = self.draw()
        compared, logits = self._through_teacher(own, [s for s, there in drawn if there])
        logits += self._through_student(theirs, [s for s, there in drawn if not there])
        with torch.no_grad():
            _, target = self._stages["teacher"].run_on(len(theirs) - 1, theirs[-1])
        with torch.autocast(target.device.type, enabled=False):
            features = self.feature_weight * self.feature_schedule.now()
            loss = features * self.appearance(compared, theirs)
            loss = loss + self.path_weight * self.divergence(logits, target)
            last = features * self.pooled_appearance(compared[-1], theirs[-1])
        if self.released_code and weight is not None:
            loss, weight = loss * weight + last * weight.mean(), None
        else:
            loss = loss + last
        loss = loss + self._undrawn(stage for stage, there in drawn if not there)
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def appearance(self, compared: Sequence[Sequence[Tensor]], theirs: Sequence[Tensor]) -> Tensor:
        """Return the squared differences of the maps of each sample, shape (N,).

        Args:
            compared: For each stage the maps that are compared with the teacher's map.
            theirs: The teacher's maps.
        """
        pairs = [
            (full_precision(map_), full_precision(teacher))
            for maps, teacher in zip(compared, theirs, strict=True)
            for map_ in maps
        ]
        return torch.stack([hint_distance(*pair) for pair in pairs]).sum(0)

    def pooled_appearance(self, compared: Sequence[Tensor], theirs: Tensor) -> Tensor:
        """Return the squared differences of the pooled maps of the last stage, (N,)."""
        teacher = pooled(full_precision(theirs).relu())
        pairs = [(pooled(full_precision(map_).relu()), teacher) for map_ in compared]
        return torch.stack([hint_distance(*pair) for pair in pairs]).sum(0)

    def divergence(self, logits: Sequence[Tensor], target: Tensor) -> Tensor:
        """Return the divergences of all paths' logits (N, K) from the teacher's, shape (N,)."""
        log_target, *log_mixed = (
            (full_precision(each) / self.temperature).log_softmax(1) for each in (target, *logits)
        )
        total = log_target.new_zeros(len(log_target))
        for log_path in log_mixed:
            total = total + kd_divergence(Tempered(log_path, log_target, self.temperature))
        return total

    def _choices(self, stages: int) -> list[tuple[int, bool]]:
        """Return all paths between ``stages`` stages, in the form of :meth:`draw`."""
        return [(i, there) for there in DIRECTIONS[self.directions] for i in range(stages - 1)]

    def draw(self) -> list[tuple[int, bool]]:
        """Return this step's paths: the stage that is replaced, and whether it is the teacher's."""
        seed, steps = self.draws.tolist()
        generator = torch.Generator().manual_seed(seed + steps)
        choices = self._choices(len(self.to_teacher))
        if self.training:
            self.draws[1] += 1
        order = torch.randperm(len(choices), generator=generator).tolist()
        return [choices[place] for place in order[: self.paths]]

    def _through_teacher(
        self, own: Sequence[Tensor], stages: Iterable[int]
    ) -> tuple[list[list[Tensor]], list[Tensor]]:
        """Return the maps to compare with each map of the teacher, and the logits of the paths."""
        bridged = [_pass(bridge, map_) for bridge, map_ in zip(self.to_teacher, own, strict=True)]
        compared, logits = [[map_] for map_ in bridged], list[Tensor]()
        for stage in stages:
            later, output = self._stages["teacher"].run_on(stage, bridged[stage])
            for number, map_ in enumerate(later, stage + 1):
                compared[number].append(map_)
            logits.append(output)
        return compared, logits

    def _through_student(self, theirs: Sequence[Tensor], stages: Iterable[int]) -> list[Tensor]:
        """Return the logits that the student gives for maps of the teacher."""
        student, bridges = self._stages["student"], self.to_student
        return [student.run_on(i, _pass(bridges[i], theirs[i]))[1] for i in stages]

    def _undrawn(self, drawn: Iterable[int]) -> Tensor | float:
        """Return 0, with a graph to the bridges that are on no path, so that DDP finds them."""
        rest = set(range(len(self.to_student))) - {*drawn}
        parameters = [p for stage in sorted(rest) for p in self.to_student[stage].parameters()]
        return sum(parameter.sum() * 0 for parameter in parameters)


def _pass(bridge: nn.Module, feature: Tensor) -> Tensor:
    """Pass a feature through a bridge in the bridge's type: a teacher may run in another type."""
    output: Tensor = bridge(feature.to(next(bridge.parameters()).dtype))
    return output
