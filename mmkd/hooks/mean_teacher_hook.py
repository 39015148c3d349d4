"""Hook for a teacher that is the average of the student's weights over time."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import MomentumAnnealingEMA
from mmengine.runner import Runner
from torch import Tensor, nn

from mmkd.hooks.model import cohort_of, distiller_of
from mmkd.registry import HOOKS
from mmkd.teachers import Teacher

KEY = "mean_teachers"
LISTED = 5


@HOOKS.register_module()
class MeanTeacherHook(Hook):
    r"""Make a teacher the exponential moving average of the student.

    Mean teachers are better role models (Tarvainen, Valpola; NIPS 2017), section 2: before training
    the teacher becomes a copy of the student, and after training iteration t

    .. math:: \theta'_t = \alpha_t \theta'_{t-1} + (1 - \alpha_t) \theta_t,\quad
        \alpha_t = \min(1 - \tfrac{1}{t + 1},\ \mathrm{momentum})

    with the warm-up of the authors' code. Like every teacher it runs in eval mode, whereas the
    authors' teacher uses the statistics of its batch; ``update_buffers`` decides which running
    statistics its BatchNorm has.

    Each checkpoint holds the averages under ``mean_teachers``, by the teacher's name, and a resumed
    run continues with them. In several processes each process averages the buffers of its own
    student.

    Args:
        teacher: Name of the teacher; its network has the student's architecture. Its initial
            weights are replaced when training begins.
        momentum: Factor of the old average in an update, between 0 and 1. (MMEngine's EMA calls
            one minus this factor momentum.)
        interval: Iterations between two updates.
        update_buffers: Whether floating-point buffers, such as the running statistics of BatchNorm,
            are averaged too. Buffers that are not averaged are copied from the student.

    Raises:
        ValueError: If ``momentum`` or ``interval`` is out of range. Before training: if the model
            is a cohort or has no such teacher, if the weights of the teacher's network differ from
            the student's in name or shape, or if the teacher is sharded, folded, compiled or has a
            dtype of its own.
    """

    def __init__(
        self,
        teacher: str = "teacher",
        momentum: float = 0.999,
        interval: int = 1,
        update_buffers: bool = True,
    ) -> None:
        if not 0 < momentum < 1 or interval < 1:
            raise ValueError(
                "MeanTeacherHook needs a momentum between 0 and 1, such as 0.999, and an interval "
                f"of at least 1, not {momentum} and {interval}."
            )
        self.teacher = teacher
        self.momentum, self.interval, self.update_buffers = momentum, interval, update_buffers
        self._parts: tuple[nn.Module, _Average] | None = None
        self._resumed = False

    def before_train(self, runner: Runner) -> None:
        student, average = self._find(runner)
        if not self._resumed:
            average.steps.zero_()
            average.update_parameters(student)  # the first update copies
            runner.logger.info(
                f"The teacher {self.teacher!r} begins as a copy of the student and follows it."
            )

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        student, average = self._find(runner)
        average.update_parameters(student)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        saved = checkpoint.setdefault(KEY, {})
        saved[self.teacher] = self._find(runner)[1].state_dict()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        if distiller_of(runner) is None:
            return
        saved: dict[str, Tensor] | None = checkpoint.get(KEY, {}).get(self.teacher)
        if saved is not None:
            self._find(runner)[1].load_state_dict(saved)
            self._resumed = bool(runner._resume)
        elif runner._resume:
            runner.logger.warning(
                f"The checkpoint holds no mean teacher {self.teacher!r}: training goes on with a "
                "copy of the student, from which a new average begins."
            )

    def _find(self, runner: Runner) -> "tuple[nn.Module, _Average]":
        """Return the student, and the object that averages it into the teacher's network."""
        if self._parts is None:
            if cohort_of(runner) is not None:
                raise ValueError(
                    "The teachers of a cohort are shared, and MeanTeacherHook makes a teacher the "
                    "average of one student: train this student by a config of its own."
                )
            distiller = distiller_of(runner)
            if distiller is None or self.teacher not in distiller.teachers:
                names = [] if distiller is None else [*distiller.teachers]
                raise ValueError(
                    f"MeanTeacherHook averages the student into the teacher {self.teacher!r}, but "
                    f"the model has {', '.join(names) or 'no teachers'}. Give it "
                    f"teachers=dict({self.teacher}=dict(model=<the student's config>))."
                )
            teacher = distiller.teachers[self.teacher]
            _check(self.teacher, teacher, distiller.student)
            teacher.follows_student = True
            average = _Average(teacher.network, self.momentum, self.interval, self.update_buffers)
            self._parts = distiller.student, average
        return self._parts


class _Average(MomentumAnnealingEMA):
    """MMEngine's average, kept in an existing network and not in a copy.

    Weights that a network has under several names are averaged only once.
    """

    def __init__(
        self, network: nn.Module, momentum: float, interval: int, update_buffers: bool
    ) -> None:
        super().__init__(nn.Module(), 1 - momentum, 1, interval, update_buffers=True)
        self.module = network
        saved = network.state_dict()
        buffers = {name: b for name, b in network.named_buffers() if name in saved}
        self.avg_parameters: dict[str, Tensor] = dict(network.named_parameters())
        if update_buffers:
            self.avg_parameters |= {n: b for n, b in buffers.items() if b.is_floating_point()}
        self.copied = {name: b for name, b in buffers.items() if name not in self.avg_parameters}

    def update_parameters(self, model: nn.Module) -> None:
        if self.steps % self.interval == 0:
            state = model.state_dict()
            for name, buffer in self.copied.items():
                buffer.copy_(state[name])
        super().update_parameters(model)


def mean_teachers(runner: Runner) -> set[str]:
    """Return the names of the teachers that are averages of the student."""
    return {hook.teacher for hook in runner.hooks if isinstance(hook, MeanTeacherHook)}


def _check(name: str, teacher: Teacher, student: nn.Module) -> None:
    """Refuse a teacher that does not fit the student's weights, or would not follow them."""
    if altered := teacher.altered_by + ["shard"] * teacher.sharded:
        raise ValueError(
            f"The teacher {name!r} cannot be the average of the student with "
            f"{', '.join(altered)}: its weights must stay the student's, in number and "
            "type. Remove these arguments."
        )
    own, needed = student.state_dict(), teacher.network.state_dict()
    different = [
        key
        for key in sorted({*own, *needed})
        if key not in own or key not in needed or own[key].shape != needed[key].shape
    ]
    if different:
        raise ValueError(
            f"The teacher {name!r} cannot be the average of the student, whose network is another: "
            f"{len(different)} weights differ in name or shape, such as "
            f"{', '.join(different[:LISTED])}. Give it the student's model config."
        )
