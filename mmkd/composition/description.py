"""Description of a method as text: its computation, its settings and their defaults."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from mmkd.composition.kinds import KINDS
from mmkd.composition.methods import Method
from mmkd.registry import MODELS
from mmkd.typed import OrderedSet


def describe(method: Method) -> str:
    """Return a page of text about a method."""
    lines = [f"{method.name}: {summary(method)}", ""]
    for part in parts(method):
        lines += [f"{part.__name__}:", *_indented(inspect.getdoc(part) or ""), ""]
    lines += ["For " + "; ".join(KINDS[kind] for kind in method.variants) + ".", ""]
    if method.options:
        lines.append("Settings (--set NAME=VALUE):")
        for option in options(method):
            given = {kind: value for kind, value in option["default"].items() if value is not None}
            defaults = ", ".join(f"{value!r} for {kind}" for kind, value in given.items())
            lines.append(f"  {option['name']}: {defaults} ({', '.join(option['keys'])})")
        lines.append("")
    return "\n".join([*lines, f"Config ({method.path}):", *_indented(_text(method)), ""])


def summary(method: Method) -> str:
    """Return one line about a method, from its README or from its first loss."""
    readme = method.path.parents[2] / method.name / "README.md"
    if readme.is_file():
        return readme.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
    first = next(iter(parts(method)), None)
    return "" if first is None else (inspect.getdoc(first) or "").partition("\n")[0]


def options(method: Method) -> list[dict[str, Any]]:
    """Return the settings of a method: name, dotted keys, and defaults by kind of network."""
    return [
        dict(
            name=name,
            keys=keys,
            default={kind: method.default(name, kind) for kind in method.variants},
        )
        for name, keys in method.options.items()
    ]


def parts(method: Method) -> list[type]:
    """Return the classes of mmkd in a method's terms, losses first."""
    found: OrderedSet[type] = {}
    for variant in method.variants.values():
        terms = variant.get("model", {}).get("terms", {})
        for kind in _types(terms):
            found[MODELS.get(kind)] = None
    losses = [part for part in found if ".losses." in part.__module__]
    return [*losses, *(part for part in found if part not in losses)]


def _types(settings: Any) -> Iterator[str]:
    if isinstance(settings, Mapping):
        if str(settings.get("type", "")).startswith("mmkd."):
            yield settings["type"]
        settings = [*settings.values()]
    if isinstance(settings, list | tuple):
        for item in settings:
            yield from _types(item)


def _text(method: Method) -> str:
    text: str = Config(dict(method=dict(method.variants))).pretty_text
    return text


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]
