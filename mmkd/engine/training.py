"""Training as a command: its options about safety, and its ends in words."""

import sys
from argparse import ArgumentParser, Namespace

from mmengine.config import Config

from mmkd.compat.archives import CheckpointError
from mmkd.compat.files import DiskFullError
from mmkd.engine.distributed import leave_processes
from mmkd.engine.launch import build_runner
from mmkd.engine.work_folder import WorkFolderError
from mmkd.hooks import DataError, NonFiniteError, ResumeMismatchError, StepCheckError

# What ends a run for a reason that its message says in full: a traceback would only hide it.
EXPECTED = (
    CheckpointError,
    DataError,
    DiskFullError,
    NonFiniteError,
    ResumeMismatchError,
    StepCheckError,
    WorkFolderError,
)


def safety_arguments(parser: ArgumentParser) -> None:
    """Add the arguments by which a user says that something risky is meant."""
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="begin anew in a work folder that holds checkpoints of another run",
    )
    parser.add_argument(
        "--force-resume",
        action="store_true",
        help="resume though teacher, objective or data differ from those of the checkpoint",
    )
    parser.add_argument(
        "--trust-checkpoint",
        action="store_true",
        help="unpickle everything in checkpoints, code included",
    )


def apply_safety(config: Config, arguments: Namespace) -> None:
    """Write these arguments into a config, where they are given."""
    for name in ("overwrite", "force_resume", "trust_checkpoint"):
        if getattr(arguments, name):
            config[name] = True


def train(config: Config) -> None:
    """Train, and leave the run's processes.

    Raises:
        SystemExit: With the reason in words, where the run ended for one that is known.
    """
    try:
        build_runner(config).train()
    except EXPECTED as error:
        sys.exit(f"tools/train.py: {error}")
    leave_processes()
