"""Ranges of settings in a search, as they are written on the command line."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config, DictAction

from mmkd.arguments import did_you_mean

FORMS = "uniform(LOW,HIGH), loguniform(LOW,HIGH), int(LOW,HIGH) or choice(A,B,...)"


@dataclass(frozen=True)
class Range:
    """Values that a search may give to a setting.

    Attributes:
        kind: ``'uniform'``, ``'loguniform'``, ``'int'`` or ``'choice'``.
        values: The two ends, or all choices.
    """

    kind: str
    values: tuple[Any, ...]

    def distribution(self, optuna: Any) -> Any:
        """Return the distribution of the imported package Optuna."""
        kinds: dict[str, Callable[[], Any]] = {
            "uniform": lambda: optuna.distributions.FloatDistribution(*self.values),
            "loguniform": lambda: optuna.distributions.FloatDistribution(*self.values, log=True),
            "int": lambda: optuna.distributions.IntDistribution(*self.values),
            "choice": lambda: optuna.distributions.CategoricalDistribution(self.values),
        }
        return kinds[self.kind]()

    def __str__(self) -> str:
        return f"{self.kind}({','.join(map(str, self.values))})"


def read_range(text: str) -> Range:
    """Read a range such as ``loguniform(0.1,10)``.

    Raises:
        ValueError: If the text is no range, or its ends do not fit.
    """
    match = re.fullmatch(r"(uniform|loguniform|int|choice)\((.+)\)", text.strip())
    if not match:
        raise ValueError(f"{text!r} is no range: write {FORMS}.")
    kind = match[1]
    values = tuple(DictAction._parse_int_float_bool(part.strip()) for part in match[2].split(","))
    if kind == "choice":
        if len(set(values)) < max(2, len(values)):
            raise ValueError(f"{text!r} needs two values or more, each once.")
        return Range(kind, values)
    allowed = int if kind == "int" else (int, float)
    if len(values) != 2 or not all(isinstance(value, allowed) for value in values):
        numbers = "whole numbers" if kind == "int" else "numbers"
        raise ValueError(f"{text!r} needs two {numbers}: {kind}(LOW,HIGH).")
    if not values[0] < values[1] or (kind == "loguniform" and values[0] <= 0):
        above = " above 0" if kind == "loguniform" else ""
        raise ValueError(f"{text!r} needs LOW < HIGH{above}.")
    return Range(kind, values)


def read_space(texts: Sequence[str], config: Config) -> dict[str, Range]:
    """Read ``KEY=RANGE`` texts, whose keys are dotted settings of a config.

    The last part of a key may be absent from the config, because settings with defaults need not be
    written there. The dict that contains it must be present; otherwise nothing reads the setting.

    Raises:
        ValueError: If there is no text, a text is no such pair, a key is given twice, or the config
            does not have the dict that contains a key.
    """
    space: dict[str, Range] = {}
    for text in texts:
        key, separator, given = text.partition("=")
        if not separator:
            raise ValueError(f"{text!r} is no KEY=RANGE: write KEY=, then {FORMS}.")
        if key in space:
            raise ValueError(f"The setting {key!r} is searched twice.")
        _check_key(key, config)
        space[key] = read_range(given)
    if not space:
        raise ValueError(f"Nothing is searched: give --search KEY=RANGE, with {FORMS}.")
    return space


def _check_key(key: str, config: Config) -> None:
    part: Any = config
    *parents, _ = key.split(".")
    for name in parents:
        if isinstance(part, list) and name.isdigit() and int(name) < len(part):
            part = part[int(name)]
        elif isinstance(part, Mapping | Config) and name in part:
            part = part[name]
        else:
            names = list(part) if isinstance(part, Mapping | Config) else []
            raise ValueError(
                f"The config has no {name!r} of the searched {key!r}.{did_you_mean(name, names)}"
            )
    if not isinstance(part, Mapping | list | Config):
        raise ValueError(f"The searched {key!r} is inside a value, {part!r}, not a part.")
