"""Protection of a run against log files that cannot be written."""

import functools
import sys
from typing import Any

from mmengine.visualization import LocalVisBackend


def run_on_without_logs() -> None:
    """Make MMEngine's visualizer skip a line of its files that cannot be written.

    On a full disk or a broken mount, MMEngine's files of logged scalars would otherwise end a run
    that does not need them. Python's own log handlers also report such an error on the standard
    error stream and continue.
    """
    dump = LocalVisBackend._dump
    if hasattr(dump, "runs_on"):
        return

    @functools.wraps(dump)
    def dump_or_say(self: LocalVisBackend, value: dict[str, Any], path: str, *rest: Any) -> None:
        try:
            dump(self, value, path, *rest)
        except OSError as error:
            print(f"A line of {path} could not be written: {error}", file=sys.stderr)

    # This marker prevents a reload of mmkd from wrapping the wrapper.
    dump_or_say.runs_on = True  # type: ignore[attr-defined]
    LocalVisBackend._dump = dump_or_say
