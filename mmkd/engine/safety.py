"""Command line arguments that allow risky actions."""

from argparse import ArgumentParser, Namespace

from mmengine.config import Config


def safety_arguments(parser: ArgumentParser) -> None:
    """Add ``--overwrite``, ``--force-resume`` and ``--trust-checkpoint``."""
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
    trust_argument(parser, "checkpoints")


def trust_argument(parser: ArgumentParser, what: str = "the checkpoint") -> None:
    """Add ``--trust-checkpoint``, which allows code in files; ``what`` names them in the help."""
    parser.add_argument(
        "--trust-checkpoint",
        action="store_true",
        help=f"unpickle everything in {what}, code included",
    )


def apply_safety(config: Config, arguments: Namespace) -> None:
    """Write these arguments into a config, if they are set."""
    for name in ("overwrite", "force_resume", "trust_checkpoint"):
        if getattr(arguments, name):
            config[name] = True
