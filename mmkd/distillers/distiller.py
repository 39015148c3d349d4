"""Distiller with one student, named teachers and named terms."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from mmengine.dist import is_distributed
from torch import Tensor, nn

from mmkd.arguments import check_arguments
from mmkd.distillers.base import (
    BaseDistiller,
    Config,
    Losses,
    Step,
    build_student,
    logged,
    scaled,
)
from mmkd.distillers.loss_transforms import LossTransforms
from mmkd.distillers.teaching import Teaches, Wanted, say_who_runs, teach_kept
from mmkd.networks.building import Spec
from mmkd.networks.heads import activation_of
from mmkd.networks.manner import manner_of
from mmkd.networks.roles import Overrides
from mmkd.networks.segmentation import heads_past_hooks, with_hooks
from mmkd.networks.sizes import example_inputs
from mmkd.networks.taps import Tap, flat, run_tapped
from mmkd.registry import MODELS
from mmkd.store import Store
from mmkd.teachers import Teacher, names_of_each
from mmkd.terms.building import build_terms
from mmkd.terms.draft import LogitTexts, logit_taps
from mmkd.terms.networks import Networks, TeacherSpec, build_teachers
from mmkd.terms.nothing import no_loss
from mmkd.terms.settings import check_terms, read_schedule
from mmkd.terms.shared import build_shared
from mmkd.typed import OrderedSet, itself_uncompiled

TaskLoss = Callable[[Any, Any], Tensor]


class _Owner:
    """Mark of the distiller whose device and type the teachers follow; its copies have none."""

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        return None


@MODELS.register_module()
class Distiller(BaseDistiller):
    """Model that trains a student by its task losses and by terms that compare it with teachers.

    Predictions, and forwards with ``mode='tensor'``, are those of the student. The parameters of
    this model are those of the student and of the trainable parts of its terms; see
    :class:`mmkd.teachers.Teacher`.

    Args:
        student: The student: a model config, or the path or name of a config file, or a module.
        teachers: Arguments of :class:`mmkd.teachers.Teacher` by the teacher's name, or built
            teachers, or modules.
        teacher: Short for ``teachers=dict(teacher=...)``.
        terms: Settings of the terms by name, see :class:`mmkd.terms.settings.TermSettings`.
        student_loss_weight: Factor on the student's task losses, at least 0.
        student_loss_schedule: Arguments of :class:`mmkd.schedule.Schedule` for that factor, for
            methods that let a term alone initialise the student: ``dict(begin=30)``.
        student_loss_transforms: Transforms, in training only, of the logits that the student's task
            losses read: configs, or names of shared modules.
        shared: Configs of modules by name. The losses of several terms can then use the name in
            place of a transform, a temperature or a target: ``student_transforms=['controller']``.
        logits: Tap of the logits: one for all networks, or a dict with ``student`` and the names of
            the teachers.
        roles: Taps of the student by role, such as ``dict(stages=['backbone.layer1', ...])``, in
            place of those from a dry run, see :class:`mmkd.networks.roles.Roles`. The roles of a
            teacher are an argument of the teacher.
        input_shape: Channels, height and width of an input for the dry run that measures shapes. By
            default those of the data, or those that the network names, or 64 x 64 or 224 x 224
            pixels.
        task_loss: Task loss of a student that computes none itself, such as a plain ``nn.Module``:
            a function of its output and the labels that returns a 0-dim tensor. Without it, and in
            batches without labels, such a student learns from its teachers alone.
        predict_teachers: Whether validation also runs the teachers, and adds their scores to each
            data sample as ``teacher_scores``, for :class:`mmkd.evaluation.TeacherAgreement`.
        store: Arguments of :class:`mmkd.store.Store`. The teachers' logits then come from that
            store, and no teacher is built unless the store is to grow.
        data_preprocessor: The student's data preprocessor, if the student's config has none.

    Raises:
        FileNotFoundError: If a teacher's checkpoint does not exist.
        ValueError: If a setting is not allowed, or the networks and the terms do not fit together.
    """

    student_loss_transforms: LossTransforms

    def __init__(
        self,
        student: Spec,
        terms: Mapping[str, Config],
        teachers: Mapping[str, TeacherSpec] | None = None,
        teacher: TeacherSpec | None = None,
        student_loss_weight: float = 1.0,
        student_loss_schedule: Config | None = None,
        student_loss_transforms: Sequence[Config | str] = (),
        shared: Mapping[str, Config] | None = None,
        logits: LogitTexts = "@logits",
        roles: Overrides | None = None,
        input_shape: Sequence[int] | None = None,
        task_loss: TaskLoss | None = None,
        predict_teachers: bool = False,
        store: Config | None = None,
        data_preprocessor: Config | nn.Module | None = None,
    ) -> None:
        network = build_student(student, data_preprocessor)
        super().__init__(network)
        check_terms(terms)
        self.manner = manner_of(network)
        if task_loss is not None and self.manner.computes_losses:
            raise ValueError(
                f"{type(network).__name__} computes its own losses: remove `task_loss`, and set "
                "the loss of its head."
            )
        self.task_loss = task_loss
        if not 0 <= student_loss_weight < float("inf"):
            raise ValueError(
                f"student_loss_weight is {student_loss_weight}: a negative weight would drive the "
                "student away from its labels. Give a finite number of at least 0."
            )
        self.student_loss_weight = student_loss_weight
        self.student_loss_schedule = read_schedule(student_loss_schedule, "student's own losses")
        if predict_teachers and not hasattr(network, "head"):
            raise ValueError(
                "predict_teachers compares the scores of classifiers; "
                f"{type(network).__name__} is none."
            )
        self.predict_teachers = predict_teachers
        if self.manner.segments and student_loss_transforms:
            raise ValueError(
                "student_loss_transforms change logits (N, C), but those of "
                f"{type(network).__name__} are maps (N, C, H, W): leave it out."
            )
        if store is not None:
            check_arguments(Store, store, "store")
            self.store = Store(**store)
            teachers = self.store.teachers(teachers or {"teacher": teacher})
            teacher = None
        # The parts besides the student must not change how the student is initialised.
        with torch.random.fork_rng(devices=[]):
            self.teachers = build_teachers(teachers, teacher, network, student)
        # This is a second fork, so that the terms draw the same random numbers if the teachers were
        # built before, as in a cohort.
        with torch.random.fork_rng(devices=[]):
            self.shared = build_shared(shared or {}, terms, student_loss_transforms)
            examples = example_inputs(network, student, input_shape)
            networks = Networks(network, self.teachers, examples, roles)
            taps = logit_taps(logits, ["student", *self.teachers])
            self.terms, self.logits = build_terms(terms, taps, self.shared, networks)
            self.student_loss_transforms = LossTransforms(
                student_loss_transforms, self.logits["student"], self.shared
            )
        say_who_runs(self.terms, self.teachers)
        if self.store is not None:
            self.store.check_model(network, self.terms.values(), self.logits)
        self._wanted = dict[tuple[str, ...], Wanted]()
        self._owner: _Owner | None = _Owner()
        self._heads = heads_past_hooks(network)
        self._finish()
        self._divide_teachers()

    def _divide_teachers(self) -> None:
        """Divide sharded teachers among the processes, now that nothing is built from them."""
        for teacher in self.teachers.values():
            teacher.divide()

    def replace_teachers(self, teachers: Mapping[str, Teacher]) -> None:
        """Learn from other teachers of the same names from the next step on."""
        self.teachers = {**teachers}
        self._wanted.clear()

    def infer(self, inputs: Tensor, data_samples: list[Any] | None, mode: str) -> Any:
        """Run the student, and in validation the teachers too if they are to predict."""
        if not self.manner.computes_losses:
            return self.student(inputs)
        predictions = super().infer(inputs, data_samples, mode)
        if mode == "predict" and self.predict_teachers:
            self._attach_teacher_scores(inputs, predictions)
        return predictions

    @itself_uncompiled
    def loss(self, inputs: Tensor, data_samples: Any) -> Losses:
        """Return the student's weighted task losses, and ``loss_<name>`` of each term.

        Under ``torch.compile``, as by ``compile=True`` of MMEngine's Runner, the student's forward
        and the terms are compiled, and this function, which calls them, is not.
        """
        factors = self.factors()
        acting = tuple(name for name, factor in factors.items() if factor)
        if acting not in self._wanted:
            self._wanted[acting] = self._taps_of(acting)
        wanted = self._wanted[acting]

        forward: Callable[[], Any] = partial(self.student, inputs, data_samples, mode="loss")
        if not self.manner.computes_losses:
            forward = partial(self._task, inputs, data_samples)
        if self._heads:
            forward = partial(with_hooks, self._heads, forward)
        if self.student_loss_transforms:
            forward = partial(self.student_loss_transforms.run, self.student, forward)
        # Teachers that need nothing of the student run before its graph takes memory.
        needed = bool(wanted.early or self.manner.roi_taps)
        taught: dict[str, dict[Tap, Tensor]] = {}
        for teacher, names, taps in () if needed else wanted.teachers:
            taught.update(dict.fromkeys(names, teacher(inputs, data_samples, taps)))
        losses, caught = run_tapped(self.student, wanted.student, forward)

        features = {"student": caught, **taught}
        of_terms, kept = dict.fromkeys(self.terms, features), None
        if wanted.early:
            features, of_terms, kept = teach_kept(wanted, self.terms, caught, inputs, data_samples)
        elif needed:
            rois = [caught[tap] for tap in self.manner.roi_taps if tap in caught]
            for teacher, names, taps in wanted.teachers:
                features.update(dict.fromkeys(names, teacher(inputs, data_samples, taps, rois)))

        weight = self.student_loss_weight
        if self.student_loss_schedule is not None:
            weight *= self.student_loss_schedule.now()
        losses = dict(losses) if weight == 1 else scaled(losses, weight)
        outputs = self.add_terms(losses, factors, of_terms, (inputs, data_samples), kept)
        if self.shared and self.terms and is_distributed():
            # DDP needs gradients of the shared modules, also in a step in which no term that uses
            # them acts.
            name = f"loss_{[*self.terms][-1]}"
            losses[name] = losses[name] + no_loss(self.shared, inputs)
        if self._observers:
            self._report(Step(logged(losses), outputs, features, None, {}))
        return losses

    def _task(self, inputs: Tensor, labels: Any) -> Losses:
        """Run a student that computes no losses, and return its task loss if it has one."""
        output = self.student(inputs)
        if self.task_loss is None or labels is None:
            return {}
        return {"loss_student": self.task_loss(output, labels)}

    def _taps_of(self, acting: Sequence[str]) -> Wanted:
        """Return the taps to catch in each network for the terms of these names."""
        if self.store is not None:
            self.store.check_read(self.teachers.values())
        taps: dict[str, OrderedSet[Tap]] = {"student": {}}
        for name in acting:
            for network, read in self.terms[name].taps.items():
                taps.setdefault(network, {}).update(read)
        teachers: list[tuple[Teaches, list[str], list[Tap]]] = []
        for teacher, names in names_of_each(self.teachers).items():
            names = [name for name in names if name in taps]
            if names:  # a teacher with several names runs once
                read = dict.fromkeys(tap for name in names for tap in taps[name])
                teachers.append((teacher, names, [*read]))
        early = [name for name in acting if self.terms[name].chooses_early]
        return Wanted([*taps["student"]], teachers, early, acting)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Distiller":
        """Move or cast the teachers along with the student, unless another distiller holds them."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self._owner is not None:
            for teacher in self.teachers.values():
                teacher._apply(fn)
        return self

    def _report(self, step: Step) -> None:
        """Add the logits that are already computed, over shared classes, and call the observers."""
        at_places = [name for name, output in step.terms.items() if output.logits]
        term = self.terms[at_places[0]] if at_places else None
        taps = self.logits if term is None else term.logit_taps
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
        self._notify(step)

    def _attach_teacher_scores(self, inputs: Tensor, predictions: list[Any]) -> None:
        for prediction in predictions:
            prediction.set_field({}, "teacher_scores")
        for name, teacher in self.teachers.items():
            samples = teacher.predict(inputs, [sample.new() for sample in predictions])
            for prediction, sample in zip(predictions, samples, strict=True):
                prediction.teacher_scores[name] = sample.pred_score
