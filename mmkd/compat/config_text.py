"""Cache for the text of a config, which MMEngine formats for the log, the file and checkpoints."""

import functools
from collections.abc import Callable

from mmengine.config import Config

KEPT = 4  # cached texts: that of the run's config, and those of parts that it writes separately


def format_configs_once() -> None:
    """Let ``Config.pretty_text`` remember the last few texts.

    The text depends only on the settings. Formatting it takes a second for a detector, and a run
    needs it five times before its first iteration ends.
    """
    written = Config.pretty_text.fget
    if not hasattr(written, "remembers"):
        Config.pretty_text = property(remembering(written))


def remembering(write: Callable[[Config], str]) -> Callable[[Config], str]:
    """Wrap a function that writes a config's text, so that the same settings are written once."""
    known: dict[str, str] = {}

    @functools.wraps(write)
    def text(config: Config) -> str:
        settings = repr((config._format_python_code, config.to_dict()))
        if settings not in known:
            if len(known) == KEPT:
                del known[next(iter(known))]
            known[settings] = write(config)
        return known[settings]

    # This marker prevents a reload of mmkd from wrapping the wrapper.
    text.remembers = True  # type: ignore[attr-defined]
    return text
