"""Distillation in Python, without config files and without a Runner."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mmkd.arguments import check_arguments
from mmkd.composition.composing import settings_for
from mmkd.distillers.distiller import Distiller, TaskLoss
from mmkd.networks.manner import manner_of
from mmkd.teachers import Teacher
from mmkd.terms.networks import TeacherSpec

Teachers = TeacherSpec | str


class Distillation(Distiller):
    """A :class:`mmkd.Distiller` that is called with images and labels, for a plain training loop.

    The student is ``model.student``: call it for predictions, and save its ``state_dict``.
    """

    def forward(  # type: ignore[override]
        self, images: Tensor, labels: Any = None
    ) -> dict[str, Tensor]:
        """Return the losses of a training step, 0-dim each: ``loss`` is the sum of the others.

        Args:
            images: The student's input, shape (N, C, H, W).
            labels: Class indices (N,), or other labels that the task loss takes; for a network of
                OpenMMLab the data samples. With ``None`` the student learns from the teachers
                alone.
        """
        total, losses = self.parse_losses(self.loss(images, labels))
        return {**losses, "loss": total}


def distill(
    student: nn.Module,
    teacher: Teachers | Mapping[str, Teachers],
    method: str | None = None,
    *,
    example: Tensor,
    terms: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    task_loss: TaskLoss | None = cross_entropy,
    **settings: Any,
) -> Distillation:
    """Return a model that trains a student with a teacher, for any two modules.

    ::

        model = distill(student, teacher, method="erkd", example=images)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for images, labels in loader:
            losses = model(images, labels)
            optimizer.zero_grad()
            losses["loss"].backward()
            optimizer.step()

    Args:
        student: The network to train. It may already be on any device.
        teacher: A module, a :class:`mmkd.teachers.Teacher`, its arguments as a dict, or the name or
            path of a config; or several of these by name. Teachers follow the student's device.
        method: Name of a method, such as ``'erkd'`` or ``'erkd+pkd'``; ``python -m mmkd methods``
            lists them.
        example: A batch of the student's input, shape (N, C, H, W); only its shape is used.
        terms: Settings of terms by name, see :class:`mmkd.terms.settings.TermSettings`, in place of
            a method or in addition to its terms.
        options: The method's settings by their short names, such as ``dict(temperature=2.0)``.
        task_loss: The student's task loss: a function of its output and the labels. By default the
            cross-entropy; ``None`` for no task loss. Networks of OpenMMLab compute their task loss
            themselves.
        **settings: Further arguments of :class:`mmkd.Distiller`, such as ``student_loss_weight``,
            ``roles`` and ``logits``.

    Raises:
        ValueError: If the networks, the method and the terms do not fit together, or ``example``
            is no batch.
    """
    if method is None and not terms:
        raise ValueError(
            "Say what to distil: method='erkd', or terms=dict(kd=dict(loss=...)). "
            "`python -m mmkd methods` lists the methods."
        )
    if not isinstance(example, Tensor) or example.dim() != 4:
        seen = tuple(example.shape) if isinstance(example, Tensor) else type(example).__name__
        raise ValueError(
            f"example is {seen}: give a batch of the student's input, a tensor of shape (N, C, H, "
            "W), such as torch.zeros(2, 3, 32, 32)."
        )
    chosen = {} if method is None else _of_method(method, student, options)
    if manner_of(student).computes_losses:
        task_loss = None
    chosen["terms"] = {**chosen.get("terms", {}), **(terms or {})}
    chosen["input_shape"] = tuple(example.shape[1:])
    chosen.update(settings, student=student, task_loss=task_loss, **_teachers(teacher))
    check_arguments(Distillation, chosen, "call of distill()")
    return Distillation(**chosen)


def _of_method(
    method: str, student: nn.Module, options: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the arguments of the distiller that a method sets.

    Raises:
        ValueError: If the method sets more than a model, such as two views of each image.
    """
    settings = settings_for(student, method.split("+"), options)
    model = dict(settings.pop("model"))
    if settings or model.pop("type", "mmkd.Distiller") != "mmkd.Distiller" or "student" in model:
        raise ValueError(
            f"The method {method!r} is more than terms of a student and its teachers: it sets "
            f"{', '.join(settings) or 'a model of its own'}. Train it by a config: "
            "python tools/train.py STUDENT --teacher TEACHER --method METHOD."
        )
    return model


def _teachers(teacher: Any) -> dict[str, Any]:
    """Return the distiller's arguments for one teacher or for several by name."""
    if isinstance(teacher, Mapping) and "model" not in teacher:
        return dict(teachers={name: _spec(each) for name, each in teacher.items()})
    return dict(teacher=_spec(teacher))


def _spec(teacher: Any) -> Any:
    """Return the arguments of a teacher, which may be the name of a config."""
    if isinstance(teacher, str):
        return dict(model=teacher)
    if isinstance(teacher, nn.Module | Teacher | Mapping):
        return teacher
    raise ValueError(
        "A teacher is a module, a mmkd.Teacher, a dict of its arguments, or the name of a config, "
        f"not a {type(teacher).__name__}."
    )
