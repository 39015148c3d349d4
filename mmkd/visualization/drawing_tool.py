"""Arguments and main function shared by the tools that draw a trained distiller."""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable

from mmengine.config import Config, DictAction
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmkd.compat.archives import CheckpointError
from mmkd.distillers import Distiller
from mmkd.engine.safety import trust_argument
from mmkd.visualization.trained import trained_distiller


def drawing_parser(description: str | None, networks: str = "") -> ArgumentParser:
    """Return a parser with the arguments that name a distiller: a config and a checkpoint.

    Args:
        description: The tool's docstring.
        networks: Words on the networks that the tool draws, such as ``'of classifiers'``.
    """
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    text = f"path or name of a distillation config {networks}".strip()
    parser.add_argument("config", help=text)
    parser.add_argument("checkpoint", help="checkpoint of the distillation run or of its student")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="as of tools/train.py")
    trust_argument(parser)
    return parser


def open_distiller(arguments: Namespace, scope: str = "mmpretrain") -> tuple[Config, Distiller]:
    """Return the config and the trained distiller that the arguments name.

    Args:
        arguments: Arguments of a parser of :func:`drawing_parser`.
        scope: The default scope of a config that has none.
    """
    config = Config.fromfile(arguments.config)
    config.merge_from_dict(arguments.cfg_options or {})
    init_default_scope(config.get("default_scope", scope))
    return config, trained_distiller(config, arguments.checkpoint, arguments.trust_checkpoint)


def run_drawing(tool: str, draw: Callable[[Namespace], None], arguments: Namespace) -> None:
    """Draw; if files or arguments do not fit, exit with a message instead of a traceback.

    Args:
        tool: Path of the tool, for errors.
        draw: The tool's work.
        arguments: Its arguments.
    """
    MMLogger.get_instance("mmengine", log_level="ERROR")  # without this all built parts are listed
    try:
        draw(arguments)
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        sys.exit(f"{tool}: {error}")
