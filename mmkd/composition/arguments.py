"""Arguments by which a command composes a config, and the config that they describe."""

from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from mmkd.composition.composing import compose
from mmkd.composition.description import describe
from mmkd.composition.methods import read_method
from mmkd.composition.teachers import parse_teacher
from mmkd.engine.launch import ArgumentError


class _Help(Action):
    """Action that shows the help of the command or, after ``--method``, of the methods."""

    def __init__(self, option_strings: Sequence[str], dest: str = SUPPRESS, **_: Any) -> None:
        text = "show this, or after --method NAME the settings of that method"
        super().__init__(option_strings, dest, nargs=0, default=SUPPRESS, help=text)

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option: Any = None
    ) -> None:
        if getattr(namespace, "method", None):
            try:
                methods = [read_method(name) for name in namespace.method.split("+")]
            except ArgumentError as error:
                parser.exit(2, f"{parser.prog}: {error}\n")
            parser.exit(message="\n".join(describe(method) for method in methods))
        parser.print_help()
        parser.exit()


def add_arguments(parser: ArgumentParser) -> None:
    """Add ``--teacher``, ``--method`` and ``--set`` to a parser made with ``add_help=False``."""
    parser.add_argument("-h", "--help", action=_Help)
    parser.add_argument(
        "--method",
        metavar="NAME",
        help="distil by a method, or by several as NAME+NAME (`python -m mmkd methods` lists all). "
        "The config is then the student's own training config, or one of a pair of networks",
    )
    parser.add_argument(
        "--teacher",
        nargs="+",
        action="append",
        default=[],
        metavar=("CONFIG", "CHECKPOINT"),
        help="a teacher's config and its weights, by default those published for it; `random` "
        "tries a run out without weights. May be given several times, as NAME=CONFIG for a name",
    )
    parser.add_argument(
        "--set",
        nargs="+",
        action=DictAction,
        metavar="NAME=VALUE",
        help="settings of the methods by their short names, which --method NAME --help lists",
    )


def composed_config(arguments: Namespace) -> Config:
    """Return the config that a command's arguments describe.

    Its ``filename`` is a name made from the methods and the student: ``<methods>_<student>.py``.

    Raises:
        ArgumentError: If ``--method`` is missing, or the arguments do not fit together.
    """
    if arguments.method is None:
        raise ArgumentError("--teacher and --set need --method NAME, which says how to distil.")
    teachers = [parse_teacher(words) for words in arguments.teacher]
    names = arguments.method.split("+")
    config = compose(
        arguments.config, teachers, names, arguments.set, decided=arguments.cfg_options
    )
    student = Path(arguments.config.rpartition("::")[2]).stem
    methods = "_".join(Path(name).stem for name in names)
    return Config(config.to_dict(), cfg_text=config.text, filename=f"{methods}_{student}.py")


def composes(arguments: Namespace) -> bool:
    """Return whether the arguments ask for a composed config."""
    return bool(arguments.method or arguments.teacher or arguments.set)
