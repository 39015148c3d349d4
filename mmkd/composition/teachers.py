"""Teachers as they are given on the command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.hub import get_config

from mmkd.engine.launch import ArgumentError
from mmkd.teachers.libraries import FORMS, is_local, of_library, rooted
from mmkd.teachers.opening import is_config

RANDOM, PRETRAINED = "random", "pretrained"


@dataclass(frozen=True)
class TeacherChoice:
    """Value of one ``--teacher`` option.

    Attributes:
        model: Path or name of the teacher's config, or name of a network of another library, or
            path of an exported program.
        checkpoint: File or address of the weights; ``None`` leaves them random.
        name: The teacher's name, if the option has one.
        pretrained: For a network of another library, whether the library loads its weights.
    """

    model: str
    checkpoint: str | None
    name: str | None = None
    pretrained: bool | None = None

    def settings(self) -> dict[str, Any]:
        """Return the arguments of :class:`mmkd.teachers.Teacher`."""
        settings: dict[str, Any] = dict(model=self.model, checkpoint=self.checkpoint)
        return settings if self.pretrained is None else dict(settings, pretrained=self.pretrained)


def parse_teacher(words: Sequence[str]) -> TeacherChoice:
    """Read the words after ``--teacher``: ``[NAME=]CONFIG [CHECKPOINT]``.

    Without a checkpoint the teacher gets the weights that the config's package has published for
    it. With ``random`` as the checkpoint the weights stay random, to try out a run. Instead of a
    config the first word may be a network of another library, such as ``timm:NAME``; the library
    loads its weights if the second word is ``pretrained``. It may also be the file of an exported
    program, which contains its weights.

    Raises:
        ArgumentError: If there are too many words, no such config, or no weights for it.
    """
    if not 1 <= len(words) <= 2:
        raise ArgumentError(
            f"--teacher takes a config and, if need be, a checkpoint, not {len(words)} words: "
            f"{' '.join(words)}. For several teachers write --teacher several times."
        )
    found = re.fullmatch(r"(?:([A-Za-z_]\w*)=)?(.+)", words[0])
    assert found is not None
    name, model = found.groups()
    second = words[1] if len(words) == 2 else None
    if of_library(model):
        return _of_library(model, second, name)
    if "::" not in model:
        if not Path(model).is_file():
            raise ArgumentError(
                f"There is no config {model} for a teacher. Networks of other libraries are "
                f"{FORMS}."
            )
        model = str(Path(model).resolve())
    if not is_config(model):
        if second is not None:
            raise ArgumentError(f"{model} has its weights in it: leave {second!r} out.")
        return TeacherChoice(model, None, name)
    return TeacherChoice(model, _weights(second or _published(model)), name)


def _weights(checkpoint: str) -> str | None:
    """Return the address of weights, an absolute path for a file, or ``None`` for random ones."""
    if Path(checkpoint).is_file():
        checkpoint = str(Path(checkpoint).resolve())
    return None if checkpoint == RANDOM else checkpoint


def _of_library(model: str, second: str | None, name: str | None) -> TeacherChoice:
    """Return the choice of a network of another library."""
    if second == PRETRAINED or (second is None and is_local(model)):
        return TeacherChoice(rooted(model), None, name, pretrained=True)
    if second is None:
        raise ArgumentError(
            f"The teacher {model} needs weights: write `--teacher {model} {PRETRAINED}` for those "
            f"of its library, which may download them, or a file in place of {PRETRAINED!r}, or "
            f"{RANDOM!r} to try the run with random weights."
        )
    return TeacherChoice(rooted(model), _weights(second), name, pretrained=False)


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
