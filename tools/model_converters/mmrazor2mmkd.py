r"""Convert a config of mmrazor's knowledge distillation to one of mmkd.

The config is only read, so mmrazor need not be installed. Parts of `mmcls` in it are taken from
mmpretrain. The tool prints the keys of all settings that it changed or left out. If settings have
no counterpart in mmkd, it prints their keys and writes nothing. Examples:

  python tools/model_converters/mmrazor2mmkd.py kd_logits_resnet34_resnet18_8xb32_in1k.py kd.py
  python tools/train.py kd.py
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config

from mmkd.composition.writing import command_line, write_config
from mmkd.migration import NotConvertibleError, convert

TOOL = "tools/model_converters/mmrazor2mmkd.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("src", type=Path, help="config of mmrazor")
    parser.add_argument("dst", type=Path, help="config to write")
    parser.add_argument(
        "--partial", action="store_true", help="leave out losses that have no counterpart"
    )
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    if arguments.dst.resolve() == arguments.src.resolve() or arguments.dst.is_dir():
        sys.exit(f"{TOOL}: {arguments.dst} is a folder, or the file to read.")
    try:
        conversion = convert(Config.fromfile(arguments.src), arguments.partial)
    except (OSError, ModuleNotFoundError) as error:
        sys.exit(f"{TOOL}: {arguments.src} cannot be read: {error}")
    except NotConvertibleError as error:
        sys.exit(f"{TOOL}: {arguments.src} cannot be converted:\n{error}")
    write_config(conversion.config, arguments.dst, command_line())
    terms = ", ".join(conversion.config.model.terms)
    print("\n".join([f"Wrote {arguments.dst}, with the terms {terms}.", *conversion.notes]))


if __name__ == "__main__":
    main()
