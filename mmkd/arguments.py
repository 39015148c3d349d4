"""Checks of a config's arguments, with near matches for misspelt names."""

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn


def did_you_mean(name: str, names: Iterable[str], cutoff: float = 0.55) -> str:
    """Return a sentence that names the nearest match, or an empty text if none is near.

    Args:
        name: The misspelt name.
        names: The names that exist.
        cutoff: Minimum similarity of a near match, up to 1; use more if there are many names.
    """
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return f" Did you mean {near[0]!r}?" if near else ""


def check_arguments(function: Callable[..., Any], given: Mapping[str, Any], title: str) -> None:
    """Check that a function or class can be called with these keyword arguments.

    Args:
        function: The function or class.
        given: The arguments by name.
        title: Name of the place in the config, such as ``"term 'kd'"``, for errors.

    Raises:
        ValueError: If a name is unknown, a required argument is missing, or a value has a type
            that the annotation excludes, such as a text in place of a number.
    """
    takers = [*_takers(function)]
    parameters, hints = dict[str, inspect.Parameter](), dict[str, Any]()
    for taker in reversed(takers):
        parameters |= _parameters(taker)
        hints |= _hints(taker)
    if not _takes_more(takers[-1]):
        for name in given:
            if name not in parameters:
                raise ValueError(
                    f"The {title} has no setting {name!r}.{did_you_mean(name, parameters)} "
                    f"Its settings are: {', '.join(parameters)}."
                )
    missing = [name for name, p in _parameters(function).items() if p.default is p.empty]
    if lacking := [name for name in missing if name not in given]:
        raise ValueError(f"The {title} lacks the setting {', '.join(map(repr, lacking))}.")
    for name, value in given.items():
        if name in hints and not _fits(value, hints[name]):
            raise ValueError(
                f"The setting {name!r} of the {title} cannot be {value!r}: it takes "
                f"{_words(hints[name])}."
            )


def _takers(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Yield what takes the arguments: the function; or the class, and bases that get its ``**``."""
    yield function
    taker = function
    for base in function.__mro__[1:-1] if inspect.isclass(function) else ():
        if _takes_more(taker) and "__init__" in vars(base):
            yield base
            taker = base


def _takes_more(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters that may be passed by name."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(function).parameters
    return {name: each for name, each in parameters.items() if each.kind in named}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function's or class's arguments, as far as they resolve."""
    target = function.__init__ if inspect.isclass(function) else function
    try:
        return typing.get_type_hints(target)
    except (NameError, TypeError):  # a name that is imported for type checkers only
        return {}


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value fits an annotated type. Unknown annotations accept everything."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in typing.get_args(hint))
    kind = typing.get_origin(hint) or hint
    if kind is float:
        return isinstance(value, int | float)
    if kind in (int, bool, str, dict, type(None), nn.Module):
        return isinstance(value, kind)
    if kind is Mapping:
        return isinstance(value, Mapping)
    if kind in (list, tuple, Sequence):
        return isinstance(value, Sequence) and not isinstance(value, str)
    return True


def _words(hint: Any) -> str:
    """Return a description of an annotated type for users."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_words(each) for each in typing.get_args(hint))
    kind = typing.get_origin(hint) or hint
    words = {float: "a number", int: "a whole number", bool: "True or False", str: "a text"}
    words |= {
        dict: "a dict",
        Mapping: "a dict",
        list: "a list",
        Sequence: "a list",
        nn.Module: "a module",
    }
    known = "None" if kind is type(None) else words.get(kind)
    return known or str(getattr(kind, "__name__", "another type"))
