"""Building a distiller's parts, and checking at build time what can be checked."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.networks.building import Spec
from mmkd.networks.manner import manner_of
from mmkd.networks.taps import Tap, TapError, Taps, expand, expanded, parse_taps, run_tapped
from mmkd.teachers import Teacher, names_of_each, same_teacher
from mmkd.teachers.class_names import student_classes
from mmkd.terms.checks import check_classes, check_labels, check_views, check_weights
from mmkd.terms.connections import connect_term
from mmkd.terms.detection_checks import check_detection, check_rois
from mmkd.terms.parts import lend_networks, take_heads
from mmkd.terms.places import fit_locations
from mmkd.terms.shared import with_references
from mmkd.terms.term import Shapes, Term, Terms
from mmkd.terms.trial import try_term

if TYPE_CHECKING:
    from mmkd.distillers.distiller import Distiller

Config = dict[str, Any]
Logits = str | Sequence[str] | Mapping[str, str | Sequence[str]]


def build_teachers(
    teachers: Mapping[str, Config] | None,
    teacher: Config | None,
    student: nn.Module,
    student_spec: Spec,
) -> dict[str, Teacher]:
    """Build the teachers, for a student, from either form in which a config gives them."""
    if (teachers is None) == (teacher is None):
        raise ValueError("Give either `teachers=dict(<name>=...)` or `teacher=dict(...)` for one.")
    built = dict[str, Teacher]()
    configs = teachers or {"teacher": teacher or {}}
    for name, config in configs.items():
        if name == "student":
            raise ValueError("A teacher cannot be called 'student'.")
        if twin := next((n for n in built if same_teacher(configs[n], config)), None):
            print_log(
                f"The teachers {twin!r} and {name!r} are one network with the same weights: it "
                "runs once, and counts as two.",
                "current",
                logging.WARNING,
            )
            built[name] = built[twin]
            continue
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
        built[name].match_classes(name, partial(student_classes, student_spec))
    return built


def logit_taps(logits: Logits, names: Sequence[str]) -> dict[str, Taps]:
    """Return the tap of the logits of each network, or its taps by level."""
    by_name = dict(logits) if isinstance(logits, Mapping) else dict.fromkeys(names, logits)
    if set(by_name) != set(names):
        raise ValueError(
            f"`logits` names {', '.join(by_name)}; it needs a tap for each of {', '.join(names)}."
        )
    return {name: parse_taps(text) for name, text in by_name.items()}


def build_terms(
    terms: Mapping[str, Config], logits: dict[str, Taps], shared: nn.ModuleDict
) -> Terms:
    """Build the terms. One whose weight is 0 is left out, as if it were not in the config."""
    built = Terms()
    for name, config in terms.items():
        if "." in name or hasattr(built, name):
            raise ValueError(f"A term cannot be called {name!r}: choose another name.")
        if config.get("weight", 1.0) == 0:
            continue
        arguments = {key: value for key, value in config.items() if key != "connector"}
        if isinstance(arguments.get("loss"), Mapping):
            arguments["loss"] = with_references(arguments["loss"], shared)
        read = logits
        if "logits" in arguments:
            read = logit_taps(arguments.pop("logits"), [*logits])
        student: Taps = read["student"]
        if "student" in arguments:
            student = parse_taps(arguments.pop("student"))
        teachers = _teacher_taps(name, arguments.pop("teacher", None), read)
        try:
            built[name] = Term(name, student, teachers, read, **arguments)
        except TypeError as error:
            raise ValueError(f"The config of term {name!r} is wrong: {error}") from error
        check_weights(built[name])
    return built


def _teacher_taps(term: str, taps: Any, logits: dict[str, Taps]) -> dict[str, Taps]:
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
    inputs = example_input(distiller.student, input_shape)
    _check_paths(distiller)
    _expand(distiller, inputs)
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
    student = shapes_of("student", distiller.student, inputs, taps["student"])
    teachers: dict[str, Shapes] = {}
    for teacher, names in names_of_each(distiller.teachers).items():
        wanted = {tap: None for name in names for tap in taps.get(name, ())}
        if wanted:
            shapes = _teacher_shapes(names[0], teacher, inputs, wanted)
            teachers.update(dict.fromkeys(names, shapes))
    networks = {"student": distiller.student}
    networks |= {name: teacher.network for name, teacher in distiller.teachers.items()}
    for term in distiller.terms.values():
        fit_locations(term, networks, dict(student=student, **teachers), inputs)
        check_classes(distiller, term, student, teachers)
        check_labels(distiller, term)
        check_views(distiller, term)
        check_detection(distiller, term)
        connect_term(term, terms[term.name].get("connector"), student, teachers)
        try_term(term, student, teachers)
        with evaluating(distiller.student):
            lend_networks(term, distiller.student, distiller.teachers, inputs)
        take_heads(term, distiller.teachers, dict(student=student, **teachers))
        if term.labels is not None:  # there is no label in a dry run
            term.labels.check(distiller.student)
            term.taps["student"][term.labels] = None


def _check_paths(distiller: "Distiller") -> None:
    for term in distiller.terms.values():
        for name, taps in term.taps.items():
            student = name == "student"
            network = distiller.student if student else distiller.teachers[name].network
            for tap in taps:
                tap.check(network)
            if term.locations is not None:
                term.locations.check(term.name, name, network)
        check_rois(distiller, term)


def _expand(distiller: "Distiller", inputs: Tensor) -> None:
    """Write taps with ``[:]`` as those for which they are short, in the terms and the logits."""
    wanted: dict[str, dict[Tap, None]] = {name: {} for name in ("student", *distiller.teachers)}
    for term in distiller.terms.values():
        for network, taps in term.taps.items():
            wanted[network].update((tap, None) for tap in taps if None in tap.items)
    short: dict[str, dict[Tap, list[Tap]]] = {name: {} for name in wanted}
    if wanted["student"]:
        forward = _forward(distiller.student, inputs, wanted["student"])
        with evaluating(distiller.student):
            short["student"] = expand(distiller.student, wanted["student"], forward)
    for name, teacher in distiller.teachers.items():
        if wanted[name]:
            short[name] = teacher.expand(inputs, wanted[name])
    for term in distiller.terms.values():
        term.expand(short)
    distiller.logits = {name: expanded(t, short[name]) for name, t in distiller.logits.items()}


def _shapes(features: Mapping[Tap, Tensor]) -> Shapes:
    return {tap: tuple(tensor.shape) for tap, tensor in features.items()}


def example_input(student: nn.Module, input_shape: Sequence[int] | None) -> Tensor:
    """Return a batch of two inputs of the given shape (C, H, W), or of a likely one."""
    if input_shape is None:
        mean = getattr(student.data_preprocessor, "mean", None)
        input_shape = (3 if mean is None else mean.numel(), 64, 64)
    return torch.zeros(2, *input_shape)


def _forward(network: nn.Module, inputs: Tensor, taps: Collection[Tap]) -> Callable[[], Any]:
    manner = manner_of(network)
    return partial(manner.run, network, inputs, None, manner.example(inputs), taps)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Let a network be run without training it or its statistics."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)


def shapes_of(name: str, network: nn.Module, inputs: Tensor, taps: Collection[Tap]) -> Shapes:
    """Return the shapes at taps of a network that is trained, from a dry run.

    Raises:
        ValueError: In words, if it has no such tensors or cannot take the input (N, C, H, W).
    """
    forward = _forward(network, inputs, taps)
    try:
        with evaluating(network):
            _, caught = run_tapped(network, taps, forward)
    except TapError as error:
        raise ValueError(f"The {name} cannot be tapped like this. {error}") from error
    except RuntimeError as error:
        raise ValueError(
            f"The {name} cannot take an input of shape {tuple(inputs.shape)}, on which its shapes "
            f"are found: {error} Give the real one as model.input_shape=(channels, height, width)."
        ) from error
    return _shapes(caught)


def _teacher_shapes(name: str, teacher: Teacher, inputs: Tensor, taps: Collection[Tap]) -> Shapes:
    try:
        given = teacher.manner.example(inputs)
        caught = teacher(inputs, None, taps, given)
    except TapError as error:
        raise ValueError(f"The teacher {name!r} cannot be tapped like this. {error}") from error
    except RuntimeError as error:
        raise ValueError(
            f"The teacher {name!r} cannot take the student's input, of shape "
            f"{tuple(inputs.shape)} in a dry run: {error} Does it want other channels or, by the "
            "teacher's `input_size`, another size?"
        ) from error
    teacher.accelerate(inputs, taps)
    return _shapes(caught)
