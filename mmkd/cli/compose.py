"""``python -m mmkd compose``: write the config that tools/train.py's arguments describe."""

import shlex
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import click
from mmengine.config import DictAction

from mmkd.cli.output import JSON, tell
from mmkd.composition.arguments import add_arguments, composed_config
from mmkd.composition.writing import write_config
from mmkd.engine.launch import ArgumentError

DESCRIPTION = """Write the config that a student's config, teachers and methods mean.

The arguments are those of tools/train.py:

  python -m mmkd compose mmpretrain::resnet/resnet18_8xb32_in1k.py \\
      --teacher mmpretrain::resnet/resnet34_8xb32_in1k.py --method erkd --out my_config.py
  python -m mmkd compose configs/_base_/pairs/gfl_r101_r50_coco.py --method kd+pkd --set kd.weight=2

With --json the config, or the path of the file, is printed as JSON.
"""


@click.command(
    add_help_option=False,
    context_settings=dict(ignore_unknown_options=True, allow_extra_args=True),
    short_help="Write the config of a student, teachers and methods.",
)
@JSON
@click.pass_context
def compose(context: click.Context, as_json: bool) -> None:
    """Compose a config from the arguments of tools/train.py."""
    parser = ArgumentParser(
        prog="python -m mmkd compose",
        description=DESCRIPTION,
        formatter_class=RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("config", help="path or name of the student's training config")
    parser.add_argument("--out", help="the file to write; by default the config is printed")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="settings that override the config's"
    )
    add_arguments(parser)
    arguments = parser.parse_args(context.args)
    try:
        config = composed_config(arguments)
    except ArgumentError as error:
        raise click.ClickException(str(error)) from error
    if arguments.cfg_options is not None:
        config.merge_from_dict(arguments.cfg_options)
    if arguments.out is None:
        tell(config.to_dict(), config.pretty_text, as_json)
        return
    command = shlex.join(["python", "-m", "mmkd", "compose", *context.args])
    write_config(config, Path(arguments.out), command)
    tell(dict(path=arguments.out), f"Wrote {arguments.out}.", as_json)
