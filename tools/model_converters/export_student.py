"""Extract the student from a distillation run: a plain checkpoint and a plain config.

Checkpoint and config work in mmpretrain or mmdet without mmkd, unless the student or its data use
parts of mmkd. From a cohort's run the tool extracts the students of all members, to files with the
members' names, or with --member that of one.

Example:
  python tools/model_converters/export_student.py my_config.py work_dirs/my_config/epoch_100.pth
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config
from mmengine.runner import save_checkpoint

from mmkd.compat.archives import CheckpointError
from mmkd.compat.checkpoints import load_checkpoint
from mmkd.engine.cohort_config import member_config, member_names
from mmkd.engine.safety import trust_argument
from mmkd.engine.student_config import student_config, uses_mmkd
from mmkd.networks.student import student_checkpoint


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path or name of the distillation config")
    parser.add_argument("checkpoint", help="checkpoint of the distillation run")
    parser.add_argument(
        "--out-dir", type=Path, help="where to write, by default the checkpoint's folder"
    )
    parser.add_argument("--member", metavar="NAME", help="the member of a cohort to extract")
    trust_argument(parser)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    folder = arguments.out_dir or Path(arguments.checkpoint).parent
    name = Path(arguments.checkpoint).stem
    try:
        config = Config.fromfile(arguments.config)
        checkpoint = load_checkpoint(arguments.checkpoint, arguments.trust_checkpoint)
        names = [arguments.member] if arguments.member else member_names(config) or [""]
        for member in names:
            own = member_config(config, member) if member else config
            ending = f"_{member}_student" if member else "_student"
            plain, student = student_config(own), student_checkpoint(checkpoint, member)
            write(plain, student, folder / f"{name}{ending}")
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        sys.exit(f"tools/model_converters/export_student.py: {error}")


def write(config: Config, student: dict[str, Any], path: Path) -> None:
    """Write a student's weights to ``<path>.pth`` and its config to ``<path>.py``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights, settings = path.with_name(f"{path.name}.pth"), path.with_name(f"{path.name}.py")
    save_checkpoint(student, str(weights))  # as a whole, with its checksum
    config.dump(str(settings))
    needs = "mmkd, whose parts it uses" if uses_mmkd(config) else "no mmkd"
    print(f"Wrote {weights} and {settings}. The config needs {needs}.")


if __name__ == "__main__":
    main()
