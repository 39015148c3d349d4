"""Checks of a term, at build time, against what the dry run found."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import nn

from mmkd.networks.heads import activation_of
from mmkd.networks.taps import flat
from mmkd.teachers.class_map import ClassOutputs
from mmkd.terms.places import rows
from mmkd.terms.term import Shapes, Term

if TYPE_CHECKING:
    from mmkd.distillers.distiller import Distiller


def check_classes(
    distiller: "Distiller", term: Term, student: Shapes, teachers: Mapping[str, Shapes]
) -> None:
    """Check that logits stand for the same classes and probabilities, and fit the class maps."""
    for name in term.teachers:
        if not term.reads_logits and not term.compares_logits(name):
            continue
        teacher = distiller.teachers[name]
        own = _class_outputs(term, "student", distiller.student, student)
        other = _class_outputs(term, name, teacher.network, teachers[name])
        _check_activation(distiller, term, name)
        if teacher.class_map is not None:
            teacher.class_map = class_map = teacher.class_map.fit(name, own, other)
            term.class_maps[name] = class_map
            if class_map.partial and term.needs_labels:
                raise ValueError(
                    f"The term {term.name!r} needs labels, but the teacher {name!r} lacks some of "
                    "the student's classes: samples of those have no label among the shared ones."
                )
        elif not own.comparable(other):
            raise ValueError(
                f"The student has {own} and the teacher {name!r} has {other}, but the term "
                f"{term.name!r} compares their logits. Give the teacher a class_map, 'by_name' or "
                "the teacher's class of each class of the student, or compare features only."
            )


def _class_outputs(term: Term, name: str, network: nn.Module, shapes: Shapes) -> ClassOutputs:
    taps = term.logits[name]
    first = flat(taps)[0]
    if term.locations is not None:
        return ClassOutputs.of(network, first.path, rows(term, name, taps, shapes)[-1])
    if isinstance(taps, list) or len(shapes[first]) != 2:
        raise ValueError(
            f"The term {term.name!r} reads logits (N, C), but those of the {name}, at '{first}', "
            f"have shape {shapes[first]}. Say at which places detectors are compared, such as "
            "locations=dict(type='mmkd.DenseLocations') for dense heads or "
            "locations=dict(type='mmkd.MatchedQueries') for queries."
        )
    return ClassOutputs.of(network, first.path, shapes[first][-1])


def _check_activation(distiller: "Distiller", term: Term, name: str) -> None:
    """Refuse what takes a softmax of logits that are made for sigmoids, or the other way round."""
    networks = {"student": distiller.student, name: distiller.teachers[name].network}
    given = {
        who: activation_of(network, flat(term.logits[who])[0].path)
        for who, network in networks.items()
    }
    if None not in given.values() and len({*given.values()}) > 1:
        raise ValueError(
            f"The term {term.name!r} compares logits for a {given['student']} with those of the "
            f"teacher {name!r}, for a {given[name]}. Compare features only."
        )
    head = given["student"]
    advice = {
        term.sample_weight: f"Give it activation={head!r} if it has that choice, or remove it",
        term.teacher_weight: "Take mmkd.AverageTeachers",
    }
    if term.compares_logits(name):
        binary = head == "sigmoid"
        advice[term.loss] = f"Take mmkd.{'BinaryKDLoss' if binary else 'KDLoss'}"
    for part, instead in advice.items():
        wanted = getattr(part, "activation", None)
        if wanted is not None and head is not None and wanted != head:
            raise ValueError(
                f"{type(part).__name__} of the term {term.name!r} takes the {wanted} of logits, "
                f"but the student's head is made for a {head}. {instead}."
            )


def check_labels(distiller: "Distiller", term: Term) -> None:
    """Check that batch augmentations leave the labels that a term needs."""
    preprocessor = distiller.student.data_preprocessor
    if term.labels is not None or term.locations is not None:
        return  # those that the student assigns, or those of objects
    if term.needs_labels and getattr(preprocessor, "batch_augments", None) is not None:
        raise ValueError(
            f"The term {term.name!r} needs hard labels, but the student's batch augmentations "
            "(train_cfg.augments, such as Mixup or CutMix) leave only soft ones. Remove either."
        )


def check_weights(term: Term) -> None:
    """Check that a term's weights have losses of single samples to weigh."""
    if not term.relational:
        return
    loss = type(term.loss).__name__
    if not getattr(term.loss, "weighable", False):
        if term.weighs:
            raise ValueError(
                f"The term {term.name!r} has a sample or teacher weight, but {loss} has no loss of "
                "a single sample that it could weigh: it compares relations between samples. "
                "Remove the weight, or take a per-sample loss."
            )
    elif term.teacher_weight is not None:
        raise ValueError(
            f"The term {term.name!r} has a teacher weight, which is one for each sample, but "
            f"{loss} is in part a relation between samples, of which no sample has a share. Leave "
            "the weight out, to average the teachers, or write one term for each teacher, with "
            "its share as `weight`."
        )


def check_views(distiller: "Distiller", term: Term) -> None:
    """Check that a loss that tells the views of an image apart knows how many the batch has."""
    wanted = getattr(term.loss, "views", None)
    given = getattr(distiller.student.data_preprocessor, "views", 1)
    if wanted is None or wanted == given:
        return
    advice = "or train on one view of each image"
    if wanted > 1:
        advice = (
            "or set data_preprocessor=dict(type='mmkd.MultiViewDataPreprocessor', "
            f"views={wanted}), with a training pipeline like that of "
            "configs/_base_/datasets/cifar100_two_views.py"
        )
    raise ValueError(
        f"{type(term.loss).__name__} of the term {term.name!r} expects views={wanted} of each "
        f"image in a batch, but the student's data preprocessor gives views={given}. Change the "
        f"loss's `views`, {advice}."
    )
