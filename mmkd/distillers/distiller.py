"""The distiller: one student, named teachers, named terms."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mmkd.distillers.build import (
    Logits,
    build_teachers,
    build_terms,
    connect_terms,
    logit_taps,
)
from mmkd.distillers.labels import class_labels
from mmkd.distillers.loss_transforms import LossTransforms
from mmkd.heads import activation_of
from mmkd.networks import Spec, build_network
from mmkd.registry import MODELS
from mmkd.schedule import Schedule
from mmkd.shared import build_shared
from mmkd.student import student_model
from mmkd.taps import Tap, flat, run_tapped
from mmkd.teachers import Teacher
from mmkd.teachers.manner import manner_of
from mmkd.terms import TermOutput

Config = dict[str, Any]
Losses = dict[str, Any]


@dataclass
class Step:
    """What one training step computed, for those who observe it.

    Attributes:
        losses: Every entry of the objective under the name under which it is logged.
        terms: Output of each term that acted, by its name.
        features: What the taps of each network caught, by ``'student'`` and teacher names.
        student_logits: Shape (N, C), where a term that acted reads them.
        teacher_logits: Shape (N, C) each, of the teachers whose logits were computed.
        activation: What the logits are made for, ``'softmax'`` or ``'sigmoid'``.
    """

    losses: Losses
    terms: dict[str, TermOutput]
    features: dict[str, dict[Tap, Tensor]]
    student_logits: Tensor | None
    teacher_logits: dict[str, Tensor]
    activation: str = "softmax"


@MODELS.register_module()
class Distiller(BaseModel):
    """Trains a student under its own losses and the terms that compare it with its teachers.

    Predictions and bare forwards are the student's. Only the student and what the terms train are
    parameters of this model; see :class:`mmkd.teachers.Teacher`.

    Args:
        student: The student: a model config, or the path or name of a config file.
        teachers: Arguments of :class:`mmkd.teachers.Teacher`, by the teacher's name.
        teacher: Short for ``teachers=dict(teacher=...)``.
        terms: Arguments of :class:`mmkd.terms.Term`, by the term's name. ``student`` and
            ``teacher`` are taps or lists of taps, ``logits`` by default; where there are several
            teachers ``teacher`` may be a dict from their names. ``connector`` is a connector's
            config. ``logits`` of a term are read by this term in place of the distiller's, as for
            each stage of a cascade.
        student_loss_weight: Factor on the student's own losses.
        student_loss_schedule: Arguments of :class:`mmkd.schedule.Schedule` for that factor, for
            methods that let a term alone initialise the student: ``dict(begin=30)``.
        student_loss_transforms: Logit transforms that the student's own losses see in training:
            configs, or names of shared modules.
        shared: Configs of modules by name, which the losses of several terms then name where they
            take a transform, a temperature or a target: ``student_transforms=['controller']``.
        logits: Tap of the logits: one for all networks, or a dict with ``student`` and the names of
            the teachers.
        input_shape: Channels, height and width of an input for the dry run that finds shapes. By
            default 64 x 64 pixels, with the channels of the data preprocessor.
        predict_teachers: Whether validation also runs the teachers, and gives each data sample
            their scores as ``teacher_scores``, for :class:`mmkd.evaluation.TeacherAgreement`.
        data_preprocessor: The student's, where its own config has none.
    """

    def __init__(
        self,
        student: Spec,
        terms: Mapping[str, Config],
        teachers: Mapping[str, Config] | None = None,
        teacher: Config | None = None,
        student_loss_weight: float = 1.0,
        student_loss_schedule: Config | None = None,
        student_loss_transforms: Sequence[Config | str] = (),
        shared: Mapping[str, Config] | None = None,
        logits: Logits = "head.fc",
        input_shape: Sequence[int] | None = None,
        predict_teachers: bool = False,
        data_preprocessor: Config | nn.Module | None = None,
    ) -> None:
        network = _build_student(student, data_preprocessor)
        super().__init__(data_preprocessor=network.data_preprocessor)
        self.student = network
        self.manner = manner_of(network)
        self.student_loss_weight = student_loss_weight
        self.student_loss_schedule = None
        if student_loss_schedule is not None:
            try:
                self.student_loss_schedule = Schedule(**student_loss_schedule)
            except TypeError as error:
                raise ValueError(f"student_loss_schedule is wrong: {error}") from error
        if predict_teachers and not hasattr(network, "head"):
            raise ValueError(
                "predict_teachers compares the scores of classifiers; "
                f"{type(network).__name__} is none."
            )
        self.predict_teachers = predict_teachers
        self._observers: OrderedDict[int, Callable[[Step], None]] = OrderedDict()
        self._register_load_state_dict_pre_hook(self._accept_student_weights)
        # What is built besides the student must not change how the student is initialised.
        with torch.random.fork_rng(devices=[]):
            self.teachers = build_teachers(teachers, teacher, network, student)
            self.logits = logit_taps(logits, [*self.teachers])
            self.shared = build_shared(shared or {}, terms, student_loss_transforms)
            self.student_loss_transforms = LossTransforms(
                student_loss_transforms, self.logits["student"], self.shared
            )
            self.terms = build_terms(terms, self.logits, self.shared)
            connect_terms(self, terms, input_shape)
        for name, part in network.named_children():
            # Hooks of its library look for a model's parts: mmdet's for YOLOX takes `bbox_head`.
            if not hasattr(self, name):
                object.__setattr__(self, name, part)
        self._needs_labels = any(term.needs_labels for term in self.terms.values())

    def forward(
        self, inputs: Tensor, data_samples: list[Any] | None = None, mode: str = "tensor"
    ) -> Any:
        """Run the model.

        Args:
            inputs: Images from the data preprocessor, shape (N, C, H, W).
            data_samples: The batch's data samples.
            mode: ``'loss'`` for a dict of losses, ``'predict'`` for the student's predictions,
                ``'tensor'`` for the student's raw output.
        """
        if mode == "loss":
            return self.loss(inputs, data_samples)
        predictions = self.student(inputs, data_samples, mode=mode)
        if mode == "predict" and self.predict_teachers:
            self._attach_teacher_scores(inputs, predictions)
        return predictions

    @torch.compiler.disable
    def loss(self, inputs: Tensor, data_samples: Any) -> Losses:
        """Return the student's own losses, weighted, and ``loss_<name>`` of each term.

        Compiled code would not see the taps' hooks, which are new in each forward: under
        ``torch.compile`` the step runs as it is. Parts where no tap lies may be compiled ones.
        """
        factors = {}
        taps: dict[str, dict[Tap, None]] = {"student": {}}
        for name, term in self.terms.items():
            factors[name] = term.weight * (1.0 if term.schedule is None else term.schedule.now())
            if factors[name]:
                for network, read in term.taps.items():
                    taps.setdefault(network, {}).update(read)

        forward: Callable[[], Any] = partial(self.student, inputs, data_samples, mode="loss")
        if self.student_loss_transforms:
            forward = partial(self.student_loss_transforms.run, self.student, forward)
        losses, caught = run_tapped(self.student, taps["student"], forward)
        features = {"student": caught}
        given: tuple[Tensor, ...] = ()
        if self.manner.given:
            given = tuple(caught[tap] for tap in self.manner.given if tap in caught)
        runs: dict[Teacher, dict[Tap, None]] = {}  # one under several names runs once
        for name, teacher in self.teachers.items():
            if name in taps:
                runs.setdefault(teacher, {}).update(taps[name])
        for teacher, wanted in runs.items():
            found = teacher(inputs, data_samples, wanted, given)
            for name, other in self.teachers.items():
                if other is teacher:
                    features[name] = found
        labels = class_labels(data_samples) if self._needs_labels else None

        losses = self._weigh(losses)
        outputs = {}
        for name, term in self.terms.items():
            if factors[name]:
                outputs[name] = term(features, labels, data_samples)
                losses[f"loss_{name}"] = factors[name] * outputs[name].loss
            else:
                losses[f"loss_{name}"] = _zero(term, inputs)
        if self.shared and self.terms:
            # In a step in which those who share do not act, too.
            losses[f"loss_{name}"] = losses[f"loss_{name}"] + _zero(self.shared, inputs)
        if self._observers:
            self._report(Step(_logged(losses), outputs, features, None, {}))
        return losses

    def parse_losses(self, losses: Losses) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum the losses, and name them for the log.

        mmpretrain's heads call their loss ``loss``, which is also MMEngine's name of the total: in
        the log theirs is ``loss_student``.
        """
        parsed: tuple[Tensor, dict[str, Tensor]] = super().parse_losses(_logged(losses))
        return parsed

    def observe(self, observer: Callable[[Step], None]) -> RemovableHandle:
        """Call ``observer`` at the end of each training step, until the handle is removed."""
        handle = RemovableHandle(self._observers)
        self._observers[handle.id] = observer
        return handle

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Distiller":
        """Move or cast the teachers along with the student."""
        super()._apply(fn, recurse)
        for teacher in self.teachers.values():
            teacher._apply(fn)
        return self

    def _weigh(self, losses: Losses) -> Losses:
        """Scale the student's task losses; other entries, such as accuracies, pass."""
        weighed, factor = dict(losses), self.student_loss_weight
        if self.student_loss_schedule is not None:
            factor *= self.student_loss_schedule.now()
        if factor == 1:
            return weighed
        for name, value in losses.items():
            if "loss" not in name:
                continue
            if isinstance(value, Tensor):
                weighed[name] = value * factor
            else:
                weighed[name] = [item * factor for item in value]
        return weighed

    def _report(self, step: Step) -> None:
        """Add the logits that are there anyway, over shared classes, and call the observers."""
        at_places = [name for name, output in step.terms.items() if output.logits]
        term = self.terms[at_places[0]] if at_places else None
        taps = self.logits if term is None else term.logits
        for name, features in step.features.items():
            if term is not None:
                logits = (step.terms[term.name].logits or {}).get(name)
            else:
                logits = features.get(flat(taps[name])[0])
            if logits is None or logits.ndim != 2:
                continue
            if name == "student":
                head = flat(taps["student"])[0].path
                step.activation = activation_of(self.student, head) or "softmax"
                step.student_logits = logits
            else:
                class_map = self.teachers[name].class_map
                step.teacher_logits[name] = class_map.of_teacher(logits) if class_map else logits
        for observer in list(self._observers.values()):
            observer(step)

    def _attach_teacher_scores(self, inputs: Tensor, predictions: list[Any]) -> None:
        for prediction in predictions:
            prediction.set_field({}, "teacher_scores")
        for name, teacher in self.teachers.items():
            samples = teacher.predict(inputs, [sample.new() for sample in predictions])
            for prediction, sample in zip(predictions, samples, strict=True):
                prediction.teacher_scores[name] = sample.pred_score

    def _accept_student_weights(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        """Let a plain student's weights be loaded: give them the prefix that they have here."""
        own = [key for key in self.state_dict() if key.startswith("student.")]
        if any(f"{prefix}{key}" in state_dict for key in own):
            return
        for key in own:
            plain = f"{prefix}{key.removeprefix('student.')}"
            if plain in state_dict:
                state_dict[f"{prefix}{key}"] = state_dict.pop(plain)


def _build_student(spec: Spec, data_preprocessor: Config | nn.Module | None) -> nn.Module:
    if isinstance(spec, nn.Module):
        return spec
    return build_network(student_model(spec, data_preprocessor))


def _logged(losses: Losses) -> Losses:
    """Give each loss the name under which it is logged."""
    named = dict(losses)
    if "loss" in named:
        named["loss_student"] = named.pop("loss")
    return named


def _zero(part: nn.Module, inputs: Tensor) -> Tensor:
    """Return 0, with a graph to a part's parameters so that DDP finds each of them used."""
    zero = inputs.new_zeros(())
    return zero + sum(parameter.sum() * 0 for parameter in part.parameters())
