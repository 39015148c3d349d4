"""Building a distiller's parts, and checking at build time what can be checked."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mmkd.taps import Tap, run_tapped
from mmkd.teachers import Teacher
from mmkd.terms import Shapes, Taps, Term, Terms, parse_taps

if TYPE_CHECKING:
    from mmkd.distillers.distiller import Distiller

Config = dict[str, Any]


def build_teachers(
    teachers: Mapping[str, Config] | None, teacher: Config | None, student: nn.Module
) -> dict[str, Teacher]:
    """Build the teachers from either form in which a config gives them."""
    if (teachers is None) == (teacher is None):
        raise ValueError("Give either `teachers=dict(<name>=...)` or `teacher=dict(...)` for one.")
    built = {}
    for name, config in (teachers or {"teacher": teacher or {}}).items():
        if name == "student":
            raise ValueError("A teacher cannot be called 'student'.")
        try:
            built[name] = Teacher(**config)
        except TypeError as error:
            raise ValueError(f"The config of teacher {name!r} is wrong: {error}") from error
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"The teacher {name!r} cannot be loaded: {error} Train it first by its own config, "
                "or say in the teacher's `checkpoint` where its weights are."
            ) from error
        built[name].match_preprocessing(name, student)
    return built


def logit_taps(logits: str | Mapping[str, str], teachers: list[str]) -> dict[str, Tap]:
    """Return the tap of the logits of the student and of each teacher."""
    names = ["student", *teachers]
    by_name = dict.fromkeys(names, logits) if isinstance(logits, str) else dict(logits)
    if set(by_name) != set(names):
        raise ValueError(
            f"`logits` names {', '.join(by_name)}; it needs a tap for each of {', '.join(names)}."
        )
    return {name: Tap.parse(text) for name, text in by_name.items()}


def build_terms(terms: Mapping[str, Config], logits: dict[str, Tap]) -> Terms:
    """Build the terms. One whose weight is 0 is left out, as if it were not in the config."""
    built = Terms()
    for name, config in terms.items():
        if "." in name or hasattr(built, name):
            raise ValueError(f"A term cannot be called {name!r}: choose another name.")
        if config.get("weight", 1.0) == 0:
            continue
        arguments = {key: value for key, value in config.items() if key != "connector"}
        read = logits
        if "logits" in arguments:
            names = [network for network in logits if network != "student"]
            read = logit_taps(arguments.pop("logits"), names)
        student: Taps = read["student"]
        if "student" in arguments:
            student = parse_taps(arguments.pop("student"))
        teachers = _teacher_taps(name, arguments.pop("teacher", None), read)
        try:
            built[name] = Term(name, student, teachers, read, **arguments)
        except TypeError as error:
            raise ValueError(f"The config of term {name!r} is wrong: {error}") from error
    return built


def _teacher_taps(term: str, taps: Any, logits: dict[str, Tap]) -> dict[str, Taps]:
    """Return a term's taps by teacher: all teachers, unless it names those that take part."""
    teachers = {name: tap for name, tap in logits.items() if name != "student"}
    if taps is None:
        return dict(teachers)
    if not isinstance(taps, Mapping):
        return {name: parse_taps(taps) for name in teachers}
    if unknown := set(taps) - set(teachers):
        raise ValueError(
            f"The term {term!r} taps teachers that do not exist: {', '.join(unknown)}. There are "
            f"{', '.join(teachers)}."
        )
    return {name: parse_taps(text) for name, text in taps.items()}


def connect_terms(
    distiller: "Distiller", terms: Mapping[str, Config], input_shape: Sequence[int] | None
) -> None:
    """Find the shapes at all taps in one dry run, check them, and build the connectors.

    Raises:
        ValueError: In words, for taps that do not exist, class counts that differ, and losses that
            need labels where batch augmentations leave none.
    """
    inputs = example_input(distiller, input_shape)
    taps: dict[str, dict[Tap, None]] = {"student": {}}
    for term in distiller.terms.values():
        for network, read in term.taps.items():
            taps.setdefault(network, {}).update(read)
        for name, teacher in distiller.teachers.items():
            if teacher.manner.needs_given(term.taps.get(name, ())):
                # What the student gives to this teacher is read with the term's own taps.
                boxes = dict.fromkeys(distiller.manner.given or teacher.manner.given)
                term.taps["student"].update(boxes)
                taps["student"].update(boxes)
    for tap in taps["student"]:
        tap.check(distiller.student)
    student = _student_shapes(distiller, inputs, taps["student"])
    teachers: dict[str, Shapes] = {}
    for name, teacher in distiller.teachers.items():
        if name in taps:
            for tap in taps[name]:
                tap.check(teacher.network)
            teachers[name] = _teacher_shapes(name, teacher, inputs, taps[name])
    for term in distiller.terms.values():
        _check_classes(distiller, term, student, teachers)
        _check_labels(distiller, term)
        term.connect(terms[term.name].get("connector"), student, teachers)
        if term.labels is not None:  # there is no label in a dry run
            term.labels.check(distiller.student)
            term.taps["student"][term.labels] = None


def _shapes(features: Mapping[Tap, Tensor]) -> Shapes:
    return {tap: tuple(tensor.shape) for tap, tensor in features.items()}


def example_input(distiller: "Distiller", input_shape: Sequence[int] | None) -> Tensor:
    """Return a batch of two inputs of the given shape (C, H, W), or of a likely one."""
    if input_shape is None:
        mean = getattr(distiller.student.data_preprocessor, "mean", None)
        input_shape = (3 if mean is None else mean.numel(), 64, 64)
    return torch.zeros(2, *input_shape)


def _student_shapes(distiller: "Distiller", inputs: Tensor, taps: Collection[Tap]) -> Shapes:
    student = distiller.student
    training = student.training
    student.eval()
    try:
        with torch.no_grad():
            given = distiller.manner.example(inputs)
            forward = partial(distiller.manner.run, student, inputs, None, given, taps)
            _, caught = run_tapped(student, taps, forward)
    except RuntimeError as error:
        raise ValueError(
            f"The student cannot take an input of shape {tuple(inputs.shape)}, on which its shapes "
            f"are found: {error} Give the real one as model.input_shape=(channels, height, width)."
        ) from error
    finally:
        student.train(training)
    return _shapes(caught)


def _teacher_shapes(name: str, teacher: Teacher, inputs: Tensor, taps: Collection[Tap]) -> Shapes:
    try:
        given = teacher.manner.example(inputs)
        caught = teacher(inputs, None, taps, given)
    except RuntimeError as error:
        raise ValueError(
            f"The teacher {name!r} cannot take the student's input, of shape "
            f"{tuple(inputs.shape)} in a dry run: {error} Does it want other channels or, by the "
            "teacher's `input_size`, another size?"
        ) from error
    teacher.accelerate(inputs, taps)
    return _shapes(caught)


def _check_classes(
    distiller: "Distiller", term: Term, student: Shapes, teachers: Mapping[str, Shapes]
) -> None:
    own = term.logits["student"]
    for name in term.teachers:
        theirs = term.logits[name]
        if not term.weighs and not term.compares_logits(name):
            continue
        count, other = student[own][-1], teachers[name][theirs][-1]
        class_map = distiller.teachers[name].class_map
        if class_map is not None:
            class_map.check(name, count, other)
            term.class_maps[name] = class_map
            if class_map.partial and term.needs_labels:
                raise ValueError(
                    f"The term {term.name!r} needs labels, but the teacher {name!r} lacks some of "
                    "the student's classes: samples of those have no label among the shared ones."
                )
        elif count != other:
            raise ValueError(
                f"The student has {count} classes and the teacher {name!r} has {other}, but the "
                f"term {term.name!r} compares their logits. Give the teacher a class_map, the "
                "teacher's class of each class of the student, or compare features only."
            )


def _check_labels(distiller: "Distiller", term: Term) -> None:
    preprocessor = distiller.student.data_preprocessor
    if term.needs_labels and getattr(preprocessor, "batch_augments", None) is not None:
        raise ValueError(
            f"The term {term.name!r} needs hard labels, but the student's batch augmentations "
            "(train_cfg.augments, such as Mixup or CutMix) leave only soft ones. Remove either."
        )
