"""Cohort: several students, each with its own terms, that learn from one pass of the teachers."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict
from mmengine.runner import set_random_seed
from torch import Tensor, nn

from mmkd.arguments import check_arguments
from mmkd.compat.running import running_config
from mmkd.distillers.base import Config, check_network_name
from mmkd.distillers.distiller import Distiller
from mmkd.distillers.member import Lesson, Member
from mmkd.distillers.preprocessing import share_preprocessing
from mmkd.networks.building import TrainsStudent
from mmkd.randomness import GeneratorStates, seed_step
from mmkd.registry import MODELS
from mmkd.store import Store
from mmkd.terms.networks import TeacherSpec
from mmkd.typed import TypedModel

NAME = re.compile(r"[\w-]+")
# Arguments of a distiller that all members share.
SHARED = ("teachers", "teacher", "store", "data_preprocessor", "predict_teachers")


@MODELS.register_module()
class Cohort(TypedModel, TrainsStudent):
    """Model that trains several students on the same batches; the teachers run once for each batch.

    Each member is a :class:`mmkd.distillers.Distiller` with its own student, terms, initial weights
    and optimizer. It ends with the same weights as in a run of its own with the same seed, bit for
    bit on a CPU, if the random numbers of a step depend only on the number of the step
    (:class:`mmkd.hooks.ExactResumeHook`). Members learn one after another in each iteration, so
    that only one of them holds the tensors of its backward pass.

    Losses are logged as ``<member>/loss_<term>``, and ``loss`` is their sum over all members;
    metrics of a validation as ``<member>/<metric>``. Files of the students have the member's name,
    see :class:`mmkd.hooks.StudentCheckpointHook`.

    A run needs an optimizer for each member and a validation of each. ``mmkd.SafeRunner``, the
    runner of mmkd's tools, makes both from the config's ordinary ``optim_wrapper`` and ``val_cfg``,
    see :class:`mmkd.engine.CohortOptimWrapperConstructor` and :class:`mmkd.engine.CohortValLoop`.

    Args:
        members: Arguments of :class:`mmkd.distillers.Distiller` by the member's name, without those
            about teachers, store and preprocessing; and ``seed``, by which the member's weights are
            initialised and its dropout is drawn, by default that of the run.
        teachers: As for a distiller.
        teacher: As for a distiller.
        predict_teachers: As for a distiller.
        store: As for a distiller.
        data_preprocessor: The preprocessing of all members. If their configs name preprocessors,
            these must be equal.

    Attributes:
        aside: Names of the members that were put aside, see :meth:`put_aside`.

    Raises:
        ValueError: If a name or setting is not allowed, members differ in their preprocessing, or a
            teacher's pass cannot be shared.
    """

    def __init__(
        self,
        members: Mapping[str, Config],
        teachers: Mapping[str, TeacherSpec] | None = None,
        teacher: TeacherSpec | None = None,
        predict_teachers: bool = False,
        store: Config | None = None,
        data_preprocessor: Config | nn.Module | None = None,
    ) -> None:
        super().__init__()
        self._check(members)
        run = running_config() or {}
        self._seed_of_run = (run.get("randomness") or {}).get("seed")
        common: dict[str, Any] = dict(
            predict_teachers=predict_teachers, data_preprocessor=data_preprocessor
        )
        taught: dict[str, Any] = dict(teachers=teachers, teacher=teacher, store=store)
        self._begins, self._seeds = dict[str, GeneratorStates](), dict[str, int | None]()
        before = GeneratorStates.now()
        for name, settings in members.items():
            before.restore()
            member = self._build(name, {**settings, **common, **taught})
            taught = dict(teachers=member.teachers)
        # Until the weights are initialised, the run draws the same random numbers as a run of the
        # first member.
        next(iter(self._begins.values())).restore()
        built = self.members
        students = {name: member.student for name, member in built.items()}
        if prepare := {n: one for n, one in students.items() if hasattr(one, "data_preprocessor")}:
            share_preprocessing(prepare)
        self.data_preprocessor = next(iter(built.values())).data_preprocessor
        self._lessons: list[Lesson] = Member.share([*built.values()])
        for lesson in self._lessons:
            lesson.teacher.divide()
        self.aside: list[str] = []

    @classmethod
    def student_of(cls, model: Mapping[str, Any]) -> Any:
        return next(iter(model["members"].values()))["student"]

    @property
    def members(self) -> dict[str, Member]:
        """The members by name, without wrappers."""
        found: dict[str, Member] = {}
        for name in self._begins:
            module: Any = self._modules[name]
            found[name] = module.module if is_model_wrapper(module) else module
        return found

    @property
    def active(self) -> list[str]:
        """Names of the members that are trained, which are all but those that were put aside."""
        return [name for name in self._begins if name not in self.aside]

    @property
    def store(self) -> Store | None:
        """The store of the teachers' logits, if the teachers do not run."""
        return next(iter(self.members.values())).store

    def init_weights(self) -> None:
        """Initialise each member with the random numbers of a run of its own."""
        after: GeneratorStates | None = None
        for name, member in self.members.items():
            if after is not None:
                self._begins[name].restore()
            member.init_weights()
            after = after or GeneratorStates.now()
        if after is not None:
            after.restore()

    def put_aside(self, name: str) -> None:
        """Stop training a member. The others continue."""
        if name not in self.aside:
            self.aside.append(name)

    def forward(
        self, inputs: Tensor, data_samples: list[Any] | None = None, mode: str = "tensor"
    ) -> Any:
        """Refuse to run: a cohort has as many outputs as members.

        Raises:
            RuntimeError: In every mode.
        """
        raise RuntimeError(
            "A cohort is no network: its members are. Validate them all by val_cfg=dict(type="
            "'mmkd.CohortValLoop'), train them in several processes by model_wrapper_cfg=dict("
            "type='MMSeparateDistributedDataParallel'), and take them out by "
            "tools/model_converters/export_student.py to test or use them."
        )

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        """Train each member on a batch, and return the values for the log.

        Args:
            data: The batch from the data loader.
            optim_wrapper: MMEngine's ``OptimWrapperDict`` with an optimizer for each member.

        Raises:
            TypeError: If there is one optimizer for all members.
        """
        if not isinstance(optim_wrapper, OptimWrapperDict):
            raise TypeError(
                "Each member of a cohort has an optimizer of its own. Take runner_type="
                "'mmkd.SafeRunner', or optim_wrapper=dict(constructor="
                "'mmkd.CohortOptimWrapperConstructor', ...)."
            )
        log, losses_of_all, prepared = dict[str, Tensor](), list[Tensor](), None
        members = self.members
        for name in self.active:
            module: Any = self._modules[name]
            with optim_wrapper[name].optim_context(module):
                if prepared is None:
                    prepared = self.data_preprocessor(data, True)
                    states = GeneratorStates.now()
                self._seed_step(name, states)
                losses = module._run_forward(prepared, mode="loss")
            loss, values = members[name].parse_losses(losses)
            optim_wrapper[name].update_params(loss)
            if name in self.aside:  # the optimizer's hooks have found its gradients not finite
                continue
            log.update({f"{name}/{key}": value for key, value in values.items()})
            losses_of_all.append(loss.detach())
        for lesson in self._lessons:
            lesson.end()
        return {"loss": torch.stack(losses_of_all).sum(), **log}

    def _check(self, members: Mapping[str, Config]) -> None:
        if not members:
            raise ValueError("A cohort needs members: members=dict(<name>=dict(student=...)).")
        for name, settings in members.items():
            check_network_name(name)
            if NAME.fullmatch(name) is None or hasattr(self, name):
                raise ValueError(
                    f"A member cannot be called {name!r}: choose another name, of letters, digits, "
                    "'_' and '-'."
                )
            if common := [key for key in SHARED if key in settings]:
                raise ValueError(
                    f"The member {name!r} has {common[0]!r}, which is the same for all members: "
                    "write it beside `members`."
                )
            own = {key: value for key, value in settings.items() if key != "seed"}
            check_arguments(Distiller, own, f"member {name!r}")

    def _build(self, name: str, settings: dict[str, Any]) -> Member:
        """Build a member with the random numbers of a run of its own, and add it."""
        seed = self._seeds[name] = settings.pop("seed", None)
        if seed is not None:
            set_random_seed(seed)
        try:
            member = Member(**settings)
        except ValueError as error:
            raise ValueError(f"The member {name!r} of the cohort: {error}") from error
        self._begins[name] = GeneratorStates.now()
        self.add_module(name, member)
        if self.store is not None and member.store is None:
            self.store.check_model(member.student, member.terms.values(), member.logits)
            member.store = self.store
        return member

    def _seed_step(self, name: str, states: GeneratorStates) -> None:
        """Put the random generators into the states in which a member's step begins."""
        seed = self._seeds[name]
        if seed is None or seed == self._seed_of_run:
            states.restore()
            return
        iteration = MessageHub.get_current_instance().get_info("iter", 0)
        seed_step(seed, iteration, get_rank())
