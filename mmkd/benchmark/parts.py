"""Parts of a distillation step, which can be measured one by one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.benchmark.timing import Step
from mmkd.distillers import Distiller
from mmkd.networks.building import network_config
from mmkd.teachers import Teacher, names_of_each
from mmkd.terms.labels import class_labels


def without_weights(spec: Any) -> dict[str, Any]:
    """Return a network's config without the files from which its parts would be initialised."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("type") == "Pretrained":
                return None
            # `pretrained` is the older name of such a file.
            return {key: strip(item) for key, item in value.items() if key != "pretrained"}
        if isinstance(value, list | tuple):  # some networks take a tuple and no list
            return type(value)(strip(item) for item in value)
        return value

    settings: dict[str, Any] = strip(network_config(spec))
    return settings


class Recorded:
    """Replacement of a teacher that records how the distiller runs it."""

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = teacher

    def __getattr__(self, name: str) -> Any:
        return getattr(self.teacher, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.call = partial(self.teacher, *arguments, **named)
        return self.call()


@contextmanager
def recorded(distiller: Distiller) -> Iterator[dict[str, Recorded]]:
    """Replace a distiller's teachers by recorders; a teacher with several names gets only one."""
    given = distiller.teachers
    by_teacher = {teacher: Recorded(teacher) for teacher in names_of_each(given)}
    replaced: dict[str, Any] = {name: by_teacher[teacher] for name, teacher in given.items()}
    known, distiller._wanted = distiller._wanted, {}
    distiller.teachers = replaced
    try:
        yield {names[0]: by_teacher[teacher] for teacher, names in names_of_each(given).items()}
    finally:
        distiller.teachers, distiller._wanted = given, known


def parts_of_step(distiller: Distiller, batch: Mapping[str, Any]) -> dict[str, Step]:
    """Return the parts of a training step as functions that take no arguments.

    They are ``student forward``, ``student forward, backward``, ``teacher <name>``, ``term <name>``
    (forward, and backward down to the tensors that the term reads) and ``<kind> weight of <term>``.
    Each runs as in a step of the distiller, on the same tensors.

    Args:
        distiller: The distiller, on its device. States of its terms change when parts are run.
        batch: Inputs and data samples from its data preprocessor.
    """
    distiller.train()
    seen: list[Any] = []
    handle = distiller.observe(seen.append)
    with recorded(distiller) as teachers:
        distiller.loss(**batch)
    handle.remove()
    parts: dict[str, Step] = {
        "student forward": partial(_student, distiller, batch),
        "student forward, backward": lambda: _student(distiller, batch).backward(),
    }
    for name, teacher in teachers.items():
        if hasattr(teacher, "call"):
            parts[f"teacher {name}"] = teacher.call
    labels, samples = class_labels(batch["data_samples"]), batch["data_samples"]
    for name in seen[0].terms:
        run = partial(_term, distiller, name, seen[0].features, labels, samples)
        parts[f"term {name}"] = run
        for kind in ("sample", "teacher"):
            weight = getattr(distiller.terms[name], f"{kind}_weight")
            if weight is not None:
                parts[f"{kind} weight of {name}"] = _repeated(weight, run)
    return parts


def _student(distiller: Distiller, batch: Mapping[str, Any]) -> Tensor:
    """Return the sum of a student's own losses."""
    student: Any = distiller.student
    total: Tensor = student.parse_losses(student(**batch, mode="loss"))[0]
    return total


def _term(
    distiller: Distiller,
    name: str,
    features: Mapping[str, Mapping[Any, Tensor]],
    labels: Tensor | None,
    data_samples: Any,
) -> None:
    """Run a term's forward, and its backward down to the student's tensors."""
    student = {
        tap: tensor.detach().requires_grad_(tensor.is_floating_point())
        for tap, tensor in features["student"].items()
    }
    output = distiller.terms[name]({**features, "student": student}, labels, data_samples)
    if output.loss.requires_grad:
        output.loss.backward()


def _repeated(module: nn.Module, run: Callable[[], Any]) -> Step:
    """Return a function that runs a module with the arguments that it gets in ``run``."""
    calls: list[Step] = []

    def keep(_: nn.Module, args: Any, kwargs: Any) -> None:
        calls.append(partial(module, *args, **kwargs))

    handle = module.register_forward_pre_hook(keep, with_kwargs=True)
    run()
    handle.remove()

    def repeat() -> None:
        with torch.no_grad():
            for call in calls:
                call()

    return repeat
