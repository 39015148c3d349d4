"""Networks of an objective, for which terms are built."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.arguments import check_arguments
from mmkd.networks.building import Spec
from mmkd.networks.dry_run import Shapes, device_of, expand_taps, in_words, shapes_of
from mmkd.networks.manner import Manner, manner_of
from mmkd.networks.roles import Overrides, Roles, examine
from mmkd.networks.sizes import loads_bgr
from mmkd.networks.taps import Tap, TapError, Taps, flat
from mmkd.teachers import Teacher, names_of_each, same_teacher
from mmkd.teachers.class_names import student_classes

Config = dict[str, Any]
TeacherSpec = Config | Teacher | nn.Module | str
Wanted = Mapping[str, Collection[Tap]]


class Networks:
    """A student and its teachers, which a dry run examines.

    Args:
        student: The student.
        teachers: The teachers by name.
        examples: Examples of the student's input (N, C, H, W); the first one that all networks can
            take is used.
        roles: Taps of the student by role, in place of those from the dry run.

    Attributes:
        manner: The manner in which the student is run.
        inputs: The example that is used.
        roles: The taps that roles stand for, by network.
    """

    def __init__(
        self,
        student: nn.Module,
        teachers: Mapping[str, Teacher],
        examples: Iterable[Tensor],
        roles: Overrides | None = None,
    ) -> None:
        self.student, self.teachers = student, teachers
        self.manner: Manner = manner_of(student)
        finders: dict[str, Callable[[Tensor], Roles]] = {
            "student": partial(Roles.find, "student", student, overrides=roles)
        }
        each = names_of_each(teachers)
        finders |= {names[0]: partial(one.find_roles, names[0]) for one, names in each.items()}
        self.inputs, self.roles = examine(finders, examples)
        for names in each.values():
            self.roles |= dict.fromkeys(names, self.roles[names[0]])

    def network(self, name: str) -> nn.Module:
        """Return the network of a name, which is ``'student'`` or a teacher's name."""
        return self.student if name == "student" else self.teachers[name].network

    def manner_of(self, name: str) -> Manner:
        """Return the manner in which the network of a name is run."""
        return self.manner if name == "student" else self.teachers[name].manner

    def resolve(self, wanted: Wanted, logits: Mapping[str, Taps]) -> dict[str, dict[Tap, Taps]]:
        """Return the taps that the roles in one term stand for, by network.

        If networks have different numbers of stages, the roles stand for the deepest stages of
        each, as many as all networks have.

        Args:
            wanted: The taps that the term reads.
            logits: Taps of the logits, which need not exist if the term does not read them.

        Raises:
            NoRoleError: If a network has no such tensor.
        """
        short: dict[str, dict[Tap, Taps]] = {}
        for name, taps in logits.items():
            known = [tap for tap in flat(taps) if tap.role in self.roles[name].taps]
            short[name] = {tap: self.roles[name].resolve(tap) for tap in known}
        for name, read in wanted.items():
            short[name] |= {tap: self.roles[name].resolve(tap) for tap in read if tap.role}
        stages = [
            (name, tap, taps)
            for name, found in short.items()
            for tap, taps in found.items()
            if tap.role in ("stages", "preact") and isinstance(taps, list)
        ]
        count = min((len(taps) for _, _, taps in stages), default=0)
        for name, tap, taps in stages:
            short[name][tap] = taps[-count:]
        return short

    def log_roles(self) -> None:
        """Log the taps that the resolved roles stand for, in one line for each network."""
        for roles in {id(roles): roles for roles in self.roles.values()}.values():
            if roles.used:
                print_log(roles.describe(), "current")

    def expand(self, wanted: Wanted) -> dict[str, dict[Tap, list[Tap]]]:
        """Return the taps that short taps stand for, by network."""
        short = {"student": expand_taps(self.student, self.inputs, wanted["student"])}
        for name, teacher in self.teachers.items():
            short[name] = teacher.expand(self.inputs, wanted[name]) if wanted[name] else {}
        return short

    def shapes(self, wanted: Wanted) -> dict[str, Shapes]:
        """Return the shapes at taps, by network. Each network runs once.

        Raises:
            ValueError: If a network cannot be run or tapped like this.
        """
        shapes = {"student": shapes_of("student", self.student, self.inputs, wanted["student"])}
        for teacher, names in names_of_each(self.teachers).items():
            taps = [tap for name in names for tap in wanted.get(name, ())]
            found = _teacher_shapes(names[0], teacher, self.inputs, dict.fromkeys(taps))
            shapes.update(dict.fromkeys(names, found))
        return shapes


def build_teachers(
    teachers: Mapping[str, TeacherSpec] | None,
    teacher: TeacherSpec | None,
    student: nn.Module,
    student_spec: Spec,
) -> dict[str, Teacher]:
    """Build the teachers for a student, from either form of their configs.

    Raises:
        ValueError: If settings are wrong.
        FileNotFoundError: If a checkpoint does not exist.
    """
    if (teachers is None) == (teacher is None) or teachers == {}:
        raise ValueError("Give either `teachers=dict(<name>=...)` or `teacher=dict(...)` for one.")
    configs: Mapping[str, Any] = {"teacher": teacher} if teachers is None else teachers
    built = dict[str, Teacher]()
    for name, config in configs.items():
        if twin := next((n for n in built if same_teacher(configs[n], config)), None):
            print_log(
                f"The teachers {twin!r} and {name!r} are one network with the same weights: it "
                "runs once, and counts as two.",
                "current",
                logging.WARNING,
            )
            built[name] = built[twin]
        else:
            built[name] = _build_teacher(name, config, partial(student_classes, student_spec))
            built[name].match_preprocessing(name, student, loads_bgr(student_spec))
            built[name].follow(device_of(student))
    return built


def _build_teacher(name: str, config: Any, find_classes: Callable[[], Any]) -> Teacher:
    if name == "student":
        raise ValueError("A teacher cannot be called 'student'.")
    if isinstance(config, Teacher):
        return config
    if isinstance(config, nn.Module | str):
        config = dict(model=config)
    if not isinstance(config, Mapping):
        raise ValueError(
            f"The teacher {name!r} is a dict such as dict(model=..., checkpoint=...), a module or "
            f"the name of a network, not {config!r}."
        )
    check_arguments(Teacher, config, f"teacher {name!r}")
    try:
        teacher = Teacher(**config)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"The teacher {name!r} cannot be loaded: {error} Train it first by its own config, or "
            "say in the teacher's `checkpoint` where its weights are."
        ) from error
    teacher.match_classes(name, find_classes)
    return teacher


def _teacher_shapes(name: str, teacher: Teacher, inputs: Tensor, taps: Collection[Tap]) -> Shapes:
    if not taps:
        return {}
    try:
        caught = teacher.example(inputs, taps)
    except TapError as error:
        raise ValueError(f"The teacher {name!r} cannot be tapped like this. {error}") from error
    except Exception as error:  # a foreign network may raise anything
        raise ValueError(
            f"The teacher {name!r} cannot take the student's input, of shape "
            f"{tuple(inputs.shape)} in a dry run: {in_words(error)}. Does it want other channels "
            "or, by the teacher's `input_size`, another size?"
        ) from error
    teacher.accelerate(inputs, taps)
    return {tap: tuple(tensor.shape) for tap, tensor in caught.items()}
