"""Words of a conversion: the parts that it left out or changed, and those it cannot convert."""

from collections.abc import Iterator
from contextlib import contextmanager


class NoCounterpartError(ValueError):
    """Error for a setting that mmkd has nothing for; its text says what to do."""


class NotConvertibleError(ValueError):
    """Error for a config that cannot be converted; its text has a line for each key."""


class Report:
    """Words about single keys of the config that is converted.

    Attributes:
        notes: What was changed or left out, as ``key: words``.
        problems: What has no counterpart, as ``key: words``.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.problems: list[str] = []

    def note(self, key: str, words: str) -> None:
        """Say what was changed or left out at a key."""
        self.notes.append(f"{key}: {words}")

    def problem(self, key: str, words: str) -> None:
        """Say what cannot be converted at a key."""
        self.problems.append(f"{key}: {words}")

    @contextmanager
    def at(self, key: str) -> Iterator[None]:
        """Turn an error for a missing counterpart into a problem of the key, and go on."""
        try:
            yield
        except NoCounterpartError as error:
            self.problem(key, str(error))

    def check(self) -> None:
        """Raise :class:`NotConvertibleError` if there are problems."""
        if self.problems:
            raise NotConvertibleError("\n".join(f"  {line}" for line in self.problems))
