"""Class names of networks, and class maps by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import DATASETS
from torch import nn

from mmkd.compat.running import running_config
from mmkd.networks.building import Spec
from mmkd.teachers.class_map import ClassMap, Correspondence

Names = Sequence[str]
ClassMapping = Correspondence | Mapping[str, Names] | str
LISTED = 20
FORMS = (
    "'by_name', dict(student=[names], teacher=[names]) with either or both, or the teacher's class "
    "of each class of the student"
)


@dataclass
class NamedClasses:
    """Names of classes that are written in a class map by names.

    Attributes:
        student: The names of the student's classes, in the order of its logits, or ``None``.
        teacher: The names of the teacher's classes, or ``None``.
    """

    student: Names | None = None
    teacher: Names | None = None


def parse_class_map(class_map: ClassMapping | None) -> ClassMap | NamedClasses | None:
    """Read the class map of a config.

    Raises:
        ValueError: If the class map is neither by names nor by indices.
    """
    if class_map is None:
        return None
    by_name = isinstance(class_map, Mapping) and any(isinstance(key, str) for key in class_map)
    if not by_name and not isinstance(class_map, str):
        return ClassMap(cast(Correspondence, class_map))
    names: Any = {} if class_map == "by_name" else class_map
    if (
        isinstance(names, str)
        or set(names) - {"student", "teacher"}
        or not all(isinstance(value, list | tuple) for value in names.values())
        or not all(isinstance(name, str) for value in names.values() for name in value)
    ):
        raise ValueError(f"{class_map!r} is no class map: give {FORMS}.")
    return NamedClasses(**names)


def student_classes(spec: Spec) -> Names | None:
    """Return the names of a student's classes, or ``None`` if they are unknown.

    They come from the data that the model is being built to be trained on or, outside of a Runner,
    from the student's config file.
    """
    config = running_config()
    return (None if config is None else _of_data(config)) or network_classes(spec)


def network_classes(spec: Spec) -> Names | None:
    """Return the class names of the data in a network's config file, or of the network itself."""
    if isinstance(spec, nn.Module):
        return meta_classes(dict(dataset_meta=getattr(spec, "dataset_meta", None)))
    file = spec if isinstance(spec, str) else spec.get("config")
    return None if file is None else _of_data(Config.fromfile(file))


def meta_classes(meta: Mapping[str, Any]) -> Names | None:
    """Return the class names in a checkpoint's meta, in MMEngine's form or in the older one."""
    for entry in (meta.get("dataset_meta"), meta):
        if isinstance(entry, Mapping):
            names = entry.get("classes", entry.get("CLASSES"))
            if isinstance(names, list | tuple):
                return list(names)
    return None


def _of_data(config: Config) -> Names | None:
    """Return the class names of the data on which a config trains or tests."""
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        dataset = (config.get(loader) or {}).get("dataset")
        names = _of_dataset(dataset, config.get("default_scope"))
        if names is not None:
            return names
    return None


def _of_dataset(dataset: Any, scope: str | None) -> Names | None:
    if not isinstance(dataset, Mapping):
        return meta_classes(dict(dataset_meta=getattr(dataset, "metainfo", None)))
    inner = [dataset["dataset"]] if "dataset" in dataset else dataset.get("datasets")
    if inner:
        return _of_dataset(inner[0], scope)
    kind: Any = dataset.get("type")
    if isinstance(kind, str):
        with DATASETS.switch_scope_and_registry(scope) as registry:
            kind = registry.get(kind)
    given = dataset.get("metainfo") or {}
    # A data set class of MMEngine has class names, or reads them from a file.
    meta = kind._load_metainfo(given) if hasattr(kind, "_load_metainfo") else given
    # A data set of mmpretrain also takes them as an argument.
    short = {"classes": dataset["classes"]} if "classes" in dataset else {}
    return meta_classes(dict(dataset_meta={**meta, **short}))


def map_by_names(name: str, student: Names | None, teacher: Names | None) -> ClassMap:
    """Build the class map of a teacher from the names of both networks' classes.

    Names are the same if they differ only in case, or in a space for an underscore or hyphen. The
    shared names are logged once.

    Args:
        name: The teacher's name, for the log and for errors.
        student: The names of the student's classes, in the order of its logits.
        teacher: The names of the teacher's classes.

    Raises:
        ValueError: If names are not known, a shared name is ambiguous, or no name is shared.
    """
    if not student or not teacher:
        who = "teacher" if student else "student"
        places = dict(student="its data", teacher="its checkpoint's meta or its config's data")
        raise ValueError(
            f"The classes of student and teacher {name!r} cannot be mapped by name: the {who}'s "
            f"names are not known, {places[who]} names none. Give them in the teacher's "
            f"class_map=dict({who}=[names])."
        )
    own, theirs = [*map(_plain, student)], [*map(_plain, teacher)]
    pairs: list[int | None] = [theirs.index(label) if label in theirs else None for label in own]
    if own == theirs:
        pairs = [*range(len(own))]
    elif twice := [
        label for label in own if label in theirs and own.count(label) * theirs.count(label) > 1
    ]:
        raise ValueError(
            f"The classes of student and teacher {name!r} cannot be mapped by name: several are "
            f"called {_listed(twice)}. Give the class_map by indices."
        )
    if pairs.count(None) == len(pairs):
        raise ValueError(
            f"Student and teacher {name!r} have no class name in common. The student's classes are "
            f"{_listed(student)}; the teacher's are {_listed(teacher)}."
        )
    lacking = [label for label, index in zip(student, pairs, strict=True) if index is None]
    print_log(
        f"Class map by name: the teacher {name!r} has {len(own) - len(lacking)} of the student's "
        f"{len(own)} classes{f'; it lacks {_listed(lacking)}' if lacking else ''}.",
        "current",
    )
    return ClassMap(pairs, len(teacher))


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ").strip()


def _listed(names: Names) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"
