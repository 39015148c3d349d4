"""Checks of a term at build time, against the results of the dry run."""

from collections.abc import Mapping

from torch import nn

from mmkd.contracts import traits_of
from mmkd.networks.dry_run import Shapes
from mmkd.networks.heads import activation_of, enclosing, gives_probabilities
from mmkd.networks.taps import Tap, Taps, flat
from mmkd.teachers.class_map import ClassOutputs
from mmkd.terms.draft import Draft
from mmkd.terms.networks import Networks
from mmkd.terms.places import rows


def check_classes(draft: Draft, networks: Networks, shapes: Mapping[str, Shapes]) -> None:
    """Check that logits stand for the same classes, and fit the activations and class maps."""
    for name in draft.teachers:
        if not draft.reads_logits and not draft.compares_logits(name):
            continue
        teacher = networks.teachers[name]
        own = _class_outputs(draft, "student", networks.student, shapes["student"])
        other = _class_outputs(draft, name, teacher.network, shapes[name])
        _check_activation(draft, networks, name)
        if teacher.class_map is not None:
            if _are_maps(draft, draft.logits[name], shapes[name]):
                raise ValueError(
                    f"The term {draft.name!r} compares maps of logits, to which the class map of "
                    f"the teacher {name!r} cannot be applied: compare pixels, by "
                    "locations=dict(type='mmkd.PixelLocations'), or features, such as '@map'."
                )
            teacher.class_map = class_map = teacher.class_map.fit(name, own, other)
            draft.class_maps[name] = class_map
            if class_map.partial and draft.needs_labels:
                raise ValueError(
                    f"The term {draft.name!r} needs labels, but the teacher {name!r} lacks some of "
                    "the student's classes: samples of those have no label among the shared ones."
                )
        elif not own.comparable(other):
            raise ValueError(
                f"The student has {own} and the teacher {name!r} has {other}, but the term "
                f"{draft.name!r} compares their logits. Give the teacher a class_map, 'by_name' or "
                "the teacher's class of each class of the student, or compare features only."
            )


def _class_outputs(draft: Draft, name: str, network: nn.Module, shapes: Shapes) -> ClassOutputs:
    taps = draft.logits[name]
    first = flat(taps)[0]
    if draft.locations is not None:
        return ClassOutputs.of(network, first.path, rows(draft, name, taps, shapes)[-1])
    if _are_maps(draft, taps, shapes):
        return ClassOutputs.of(network, first.path, shapes[first][1])
    if isinstance(taps, list) or len(shapes[first]) != 2:
        raise ValueError(
            f"The term {draft.name!r} reads logits (N, C), but those of the {name}, at '{first}', "
            f"have shape {shapes[first]}. Say at which places they are compared, such as "
            "locations=dict(type='mmkd.DenseLocations') for dense heads, "
            "locations=dict(type='mmkd.MatchedQueries') for queries or "
            "locations=dict(type='mmkd.PixelLocations') for segmentation; of a cascade, which "
            "stage: logits='@logits[0]'."
        )
    if gives_probabilities(network, first.path):
        raise ValueError(
            f"The term {draft.name!r} reads logits, but those of the {name}, at '{first}', are "
            "probabilities, as the `activated` of its loss_cls says. Tap what comes before their "
            "sigmoid, or compare features."
        )
    return ClassOutputs.of(network, first.path, shapes[first][-1])


def _are_maps(draft: Draft, taps: Taps, shapes: Shapes) -> bool:
    """Return whether a loss on features compares the logits of pixels, a channel for each class."""
    single = isinstance(taps, Tap) and len(shapes[taps]) == 4
    return single and draft.traits.same_shape and not draft.reads_logits


def _check_activation(draft: Draft, networks: Networks, name: str) -> None:
    """Refuse a softmax over logits that are made for sigmoids, and the reverse."""
    head, other = (
        activation_of(networks.network(who), flat(draft.logits[who])[0].path)
        for who in ("student", name)
    )
    if None not in (head, other) and head != other:
        raise ValueError(
            f"The term {draft.name!r} compares logits for a {head} with those of the teacher "
            f"{name!r}, for a {other}. Compare features only."
        )
    advice = {
        draft.sample_weight: f"Give it activation={head!r} if it has that choice, or remove it",
        draft.teacher_weight: "Take mmkd.AverageTeachers",
    }
    if draft.compares_logits(name):
        binary = head == "sigmoid"
        advice[draft.loss] = f"Take mmkd.{'BinaryKDLoss' if binary else 'KDLoss'}"
    for part, instead in advice.items():
        wanted = None if part is None else traits_of(part).activation
        if wanted is not None and head is not None and wanted != head:
            raise ValueError(
                f"{type(part).__name__} of the term {draft.name!r} takes the {wanted} of logits, "
                f"but the student's head is made for a {head}. {instead}."
            )


def check_labels(draft: Draft, student: nn.Module) -> None:
    """Check that the student's batch augmentations leave the labels that a term needs."""
    preprocessor = getattr(student, "data_preprocessor", None)
    if draft.labels is not None or draft.locations is not None:
        return  # The labels are those that the student assigns, or those of objects.
    if draft.needs_labels and getattr(preprocessor, "batch_augments", None) is not None:
        raise ValueError(
            f"The term {draft.name!r} needs hard labels, but the student's batch augmentations "
            "(train_cfg.augments, such as Mixup or CutMix) leave only soft ones. Remove either."
        )


def check_weights(draft: Draft) -> None:
    """Check that a term that weighs samples has losses of single samples."""
    if draft.losses_weigh:
        weight = type(draft.teacher_weight).__name__
        if "reduction_override" not in draft.traits.accepts:
            raise ValueError(
                f"{weight} of the term {draft.name!r} reads the losses of single samples, which "
                f"{type(draft.loss).__name__} does not give: its forward takes no "
                "`reduction_override`. Take a per-sample loss of mmkd."
            )
        if draft.settings.weigh_through:
            raise ValueError(
                f"The term {draft.name!r} has `weigh_through`, for weights that read logits, but "
                f"its {weight} reads losses. Leave `weigh_through` out."
            )
    if not draft.traits.relational:
        return
    loss = type(draft.loss).__name__
    if not draft.traits.weighable:
        if draft.weighs:
            raise ValueError(
                f"The term {draft.name!r} has a sample or teacher weight, but {loss} has no loss "
                "of a single sample that it could weigh: it compares relations between samples. "
                "Remove the weight, or take a per-sample loss."
            )
    elif draft.teacher_weight is not None:
        raise ValueError(
            f"The term {draft.name!r} has a teacher weight, which is one for each sample, but "
            f"{loss} is in part a relation between samples, of which no sample has a share. Leave "
            "the weight out, to average the teachers, or write one term for each teacher, with "
            "its share as `weight`."
        )


def check_views(draft: Draft, student: nn.Module) -> None:
    """Check that a loss on several views of an image knows how many views the batch has."""
    wanted = draft.traits.views
    given = getattr(getattr(student, "data_preprocessor", None), "views", 1)
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
        f"{type(draft.loss).__name__} of the term {draft.name!r} expects views={wanted} of each "
        f"image in a batch, but the student's data preprocessor gives views={given}. Change the "
        f"loss's `views`, {advice}."
    )


def check_reversible(draft: Draft, student: nn.Module) -> None:
    """Check that no tap lies in layers that run without gradients while the student trains.

    The reversible layers of mmpretrain's RevViT compute their gradients in a second pass, so that
    their outputs in a training step have no graph.
    """
    for tap in flat(draft.student):
        found = enclosing(student, tap.path, "no_custom_backward")
        if found is None:
            continue
        path, backbone = found
        if tap.path.startswith(f"{path}.layers.") and not backbone.no_custom_backward:
            raise ValueError(
                f"The term {draft.name!r} taps '{tap}' of the student, whose "
                f"{type(backbone).__name__} runs its layers without gradients while it trains. Set "
                f"the student's {path}.no_custom_backward=True, at the cost of memory, or take "
                "'@map' or '@logits'."
            )
