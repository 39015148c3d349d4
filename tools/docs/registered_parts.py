"""Registered parts of mmkd, with the descriptions from their docstrings."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_origin

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from torch import nn

from mmkd.losses import FeatureLoss, LogitLoss
from mmkd.registry import MODELS

CITATION = re.compile(r"\(([^()]*\b(?:19|20)\d\d)\)")
# Maps of one to three layers, and vectors: shapes on which losses that adapt to shapes are tried.
TRIALS = (*([(4, 8, 8, 8)] * n for n in (1, 2, 3)), [(4, 8)])
OTHERS = {
    "mmkd.connectors": "Connectors",
    "mmkd.locations": "Locations",
    "mmkd.selection": "Choices of samples",
    "mmkd.distillers": "Distillers",
}
COMMON = {"Losses on logits": LogitLoss, "Losses on features": FeatureLoss}
LOSSES = (*COMMON, "Other losses")


@dataclass
class Part:
    """A registered part of a term.

    Attributes:
        name: Name in the registry.
        kind: A heading of the page, such as ``'Sample weights'``.
        summary: The first paragraph of its docstring.
        text: Its docstring up to the arguments, on one line.
        arguments: Arguments of the part with their defaults, without those that all parts of its
            kind take.
        weighable: Whether a sample weight may multiply a loss: ``'yes'``, ``'in part'`` or ``''``.
        needs_labels: Whether it needs class indices.
        trains: Whether it has trainable parameters, or ``None`` if the part could not be built to
            see.
    """

    name: str
    kind: str
    summary: str
    text: str
    arguments: str
    weighable: str
    needs_labels: bool
    trains: bool | None

    @property
    def citations(self) -> list[tuple[str, str]]:
        """Papers that the docstring names: the text before each citation, and authors and year."""
        found = CITATION.finditer(self.text)
        return list({m[1]: (self.text[: m.start()].rstrip(), m[1]) for m in found}.values())


def registered_parts(examples: dict[str, list[dict[str, Any]]]) -> list[Part]:
    """Return all parts of terms by name.

    Args:
        examples: Configs of parts by type, for parts that cannot be built without arguments.
    """
    MODELS.import_from_location()
    found = sorted(MODELS.module_dict.items())
    return [
        describe(name, cls, kind, examples.get(name, []))
        for name, cls in found
        if (kind := kind_of(cls)) is not None
    ]


def kind_of(cls: type) -> str | None:
    """Return the kind of part that a class is; ``None`` for networks and foreign parts."""
    folder = ".".join(cls.__module__.split(".")[:2])
    if folder == "mmkd.losses":
        return next((k for k, base in COMMON.items() if issubclass(cls, base)), LOSSES[-1])
    if folder not in ("mmkd.weights", "mmkd.logits"):
        return OTHERS.get(folder)
    arguments = {p.name: p.annotation for p in inspect.signature(cls.forward).parameters.values()}
    if folder == "mmkd.weights":
        teachers = get_origin(arguments.get("teacher_logits")) is Sequence
        teachers = teachers or getattr(cls, "reads_losses", False)
        return "Teacher weights" if teachers else "Sample weights"
    if "labels" in arguments:
        return "Targets"
    return "Temperatures" if "teacher_logits" in arguments else "Logit transforms"


def describe(name: str, cls: type, kind: str, examples: list[dict[str, Any]]) -> Part:
    text = inspect.getdoc(cls)
    if text is None:
        raise ValueError(f"{cls.__module__}.{name} has no docstring.")
    text = re.split(r"\n(?:Args|Attributes|Raises):\n", text)[0]
    part, trains = cls, None
    for part in instances(cls, kind, examples):
        trains = isinstance(part, nn.Module) and trained(part)
        if trains:
            break
    takes_labels = kind in LOSSES and "labels" in inspect.signature(part.forward).parameters
    return Part(
        name=name,
        kind=kind,
        summary=text.split("\n\n")[0],
        text=" ".join(text.split()),
        arguments=arguments_of(cls, COMMON.get(kind)),
        weighable=weighable(part) if kind in LOSSES else "",
        needs_labels=bool(getattr(part, "needs_labels", takes_labels)),
        trains=trains,
    )


def trained(part: nn.Module) -> bool:
    """Return whether a part has parameters, or will have them when it has seen the networks."""
    lists = [m for m in part.modules() if isinstance(m, nn.ModuleList | nn.ModuleDict)]
    later = isinstance(part, FeatureLoss) and any(not len(modules) for modules in lists)
    return later or any(parameter.requires_grad for parameter in part.parameters())


def weighable(loss: Any) -> str:
    """Return whether a sample weight may multiply the result of a loss, or of its class."""
    if "weight" not in inspect.signature(loss.forward).parameters:
        return ""
    if getattr(loss, "relational", False):
        return "in part" if getattr(loss, "weighable", False) else ""
    return "yes"


def arguments_of(cls: type, base: type | None) -> str:
    """Return the arguments that the class adds to the base, or for which it has other defaults."""
    common = inspect.signature(base).parameters if base else {}
    own = []
    for name, parameter in parameters_of(cls).items():
        if name in common and common[name].default == parameter.default:
            continue
        required = parameter.default is parameter.empty
        own.append(name if required else f"{name}={parameter.default!r}")
    return ", ".join(own)


def parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    """Return the constructor's parameters, and its base's if it passes on ``**`` arguments."""
    constructors = [c.__init__ for c in cls.__mro__ if "__init__" in vars(c) and c is not nn.Module]
    found: dict[str, inspect.Parameter] = {}
    for constructor in constructors:
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        handed_on = [p for p in parameters if p.kind is p.VAR_KEYWORD]
        found |= {p.name: p for p in parameters if p not in handed_on and p.name not in found}
        if not handed_on:
            break
    return {name: p for name, p in found.items() if p.kind is not p.VAR_POSITIONAL}


def instances(cls: type, kind: str, examples: list[dict[str, Any]]) -> Iterator[Any]:
    """Build the class in each way that works, adapted to features of some shapes."""
    tries: list[Callable[[], Any]] = []  # a distiller would load its teachers
    if kind == "Connectors":
        one, other = (4, 4, 8, 8), (4, 8, 8, 8)
        tries = [lambda: cls(one, other), lambda: cls([one] * 2, [other] * 2), lambda: cls(other)]
    elif kind != "Distillers":
        tries = [
            partial(adapted, cls, {k: v for k, v in arguments.items() if k != "type"}, shapes)
            for arguments in [{}, *examples[:1]]
            for shapes in TRIALS
        ]
    for build in tries:
        try:
            yield build()
        except Exception:  # a part may raise anything for shapes that it is not made for
            continue


def adapted(cls: type, arguments: dict[str, Any], shapes: list[tuple[int, ...]]) -> Any:
    part = cls(**arguments)
    if hasattr(part, "adapt"):
        part.adapt(shapes, shapes)
    return part
