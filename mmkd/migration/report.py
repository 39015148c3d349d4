"""Report of a conversion: settings that it left out or changed, or that it cannot convert."""

from collections.abc import Iterator
from contextlib import contextmanager


class NoCounterpartError(ValueError):
    """Error for a setting without a counterpart in mmkd; the message says what to do."""


class NotConvertibleError(ValueError):
    """Error for a config that cannot be converted; the message has a line for each key."""


class Report:
    """Notes and problems of a conversion, by the keys of the config.

    Attributes:
        notes: What was changed or left out, as ``key: words``.
        problems: What has no counterpart, as ``key: words``.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.problems: list[str] = []

    def note(self, key: str, words: str) -> None:
        """Record what was changed or left out at a key."""
        self.notes.append(f"{key}: {words}")

    def problem(self, key: str, words: str) -> None:
        """Record what cannot be converted at a key."""
        self.problems.append(f"{key}: {words}")

    @contextmanager
    def at(self, key: str) -> Iterator[None]:
        """Record a :class:`NoCounterpartError` inside as a problem of the key, and continue."""
        try:
            yield
        except NoCounterpartError as error:
            self.problem(key, str(error))

    def check(self) -> None:
        """Raise :class:`NotConvertibleError` if there are problems."""
        if self.problems:
            raise NotConvertibleError("\n".join(f"  {line}" for line in self.problems))
