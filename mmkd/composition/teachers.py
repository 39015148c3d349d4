"""Teachers in the form of the command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.hub import get_config

from mmkd.engine.launch import ArgumentError

RANDOM = "random"


@dataclass(frozen=True)
class TeacherChoice:
    """Value of one ``--teacher`` option.

    Attributes:
        model: Path or name of the teacher's config.
        checkpoint: File or address of the weights; ``None`` leaves them random.
        name: The teacher's name, if the option has one.
    """

    model: str
    checkpoint: str | None
    name: str | None = None

    def settings(self) -> dict[str, Any]:
        """Return the arguments of :class:`mmkd.teachers.Teacher`."""
        return dict(model=self.model, checkpoint=self.checkpoint)


def parse_teacher(words: Sequence[str]) -> TeacherChoice:
    """Read the words after ``--teacher``: ``[NAME=]CONFIG [CHECKPOINT]``.

    Without a checkpoint the teacher gets the weights that the config's package has published for
    it. ``random`` in its place leaves the weights random, to try out a run.

    Raises:
        ArgumentError: If there are other words, no such config, or no weights for it.
    """
    if not 1 <= len(words) <= 2:
        raise ArgumentError(
            f"--teacher takes a config and, if need be, a checkpoint, not {len(words)} words: "
            f"{' '.join(words)}. For several teachers write --teacher several times."
        )
    found = re.fullmatch(r"(?:([A-Za-z_]\w*)=)?(.+)", words[0])
    assert found is not None
    name, model = found.groups()
    if "::" not in model:
        if not Path(model).is_file():
            raise ArgumentError(f"There is no config {model} for a teacher.")
        model = str(Path(model).resolve())
    checkpoint = words[1] if len(words) == 2 else _published(model)
    if Path(checkpoint).is_file():
        checkpoint = str(Path(checkpoint).resolve())
    return TeacherChoice(model, None if checkpoint == RANDOM else checkpoint, name)


def _published(model: str) -> str:
    """Return the address of the weights that a package published for one of its configs."""
    if "::" in model:
        try:
            address: str = get_config(model, pretrained=True).model_path
        except (AssertionError, AttributeError, FileNotFoundError):
            pass
        else:
            return address
    raise ArgumentError(
        f"The teacher {model} has no checkpoint: name the file or address of its weights after the "
        f"config, or {RANDOM!r} to try the run with random weights."
    )


def teacher_settings(teachers: Sequence[TeacherChoice]) -> dict[str, Any]:
    """Return a distiller's ``teacher`` or ``teachers`` for the options of the command line.

    Raises:
        ArgumentError: If two teachers have one name.
    """
    if len(teachers) == 1 and teachers[0].name is None:
        return dict(teacher=teachers[0].settings())
    named = {choice.name or f"teacher{k}": choice.settings() for k, choice in enumerate(teachers)}
    if len(named) < len(teachers):
        raise ArgumentError("Two teachers have the same name: --teacher NAME=CONFIG tells them.")
    return dict(teachers=named)
