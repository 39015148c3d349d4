"""Output of a composed config to a file that suffices to repeat the run."""

import shlex
import sys
from pathlib import Path

from mmengine.config import Config

from mmkd.compat.files import write_file


def command_line() -> str:
    """Return the command that runs this process, as a user types it."""
    return shlex.join(["python", *sys.argv])


def write_config(config: Config, path: Path, command: str, seed: int | None = None) -> None:
    """Write a config as a file of settings, with the command that composed it on top.

    Args:
        config: The config.
        path: The file. One that exists is replaced.
        command: The command.
        seed: The seed of the run, if the config does not set one.
    """
    if seed is not None:
        randomness = config.get("randomness") or {}
        config = Config({**config.to_dict(), "randomness": {**randomness, "seed": seed}})
    lines = command.replace("\n", " ")
    text = f"# Composed by mmkd. This file alone repeats the run. The command was:\n# {lines}\n"
    write_file(path, (text + config.pretty_text).encode())
