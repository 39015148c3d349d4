"""Train a model by its config, with the arguments of mmpretrain's and mmdet's tools/train.py."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config

from mmkd.engine import prepare_processes, use_mixed_precision
from mmkd.engine.launch import (
    ArgumentError,
    complete_loaders,
    read_config,
    shared_arguments,
)
from mmkd.engine.training import apply_safety, safety_arguments, train


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "config", help="path of the config, or its name such as mmkd::erkd/<name>.py"
    )
    parser.add_argument("--work-dir", help="folder of logs and checkpoints")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        help="go on from a checkpoint, or from the newest one in the work folder if none is named",
    )
    parser.add_argument("--no-validate", action="store_true", help="do not evaluate while training")
    parser.add_argument(
        "--auto-scale-lr",
        action="store_true",
        help="scale the learning rate from the config's base batch size to the actual one",
    )
    parser.add_argument(
        "--no-persistent-workers", action="store_true", help="start data workers anew every epoch"
    )
    safety_arguments(parser)
    shared_arguments(parser)
    return parser.parse_args()


def apply_arguments(config: Config, arguments: Namespace) -> None:
    """Change the config as the command line says."""
    if arguments.no_validate:
        config.val_cfg = config.val_dataloader = config.val_evaluator = None
    if arguments.amp:
        use_mixed_precision(config)
    if arguments.resume is not None:
        config.resume = True
        config.load_from = None if arguments.resume == "auto" else arguments.resume
        if (
            config.load_from
            and "://" not in config.load_from
            and not Path(config.load_from).exists()
        ):
            raise ArgumentError(f"There is no checkpoint {config.load_from} to resume from.")
    apply_safety(config, arguments)
    if arguments.auto_scale_lr:
        if "base_batch_size" not in (config.get("auto_scale_lr") or {}):
            raise ArgumentError(
                "--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=...) in the config: the "
                "batch size over all GPUs for which its learning rate is meant."
            )
        config.auto_scale_lr.enable = True
    complete_loaders(
        config, pin=not arguments.no_pin_memory, persist=not arguments.no_persistent_workers
    )


def main() -> None:
    arguments = parse_arguments()
    try:
        config = read_config(arguments)
        apply_arguments(config, arguments)
        prepare_processes(config)
    except ArgumentError as error:
        sys.exit(f"tools/train.py: {error}")
    train(config)


if __name__ == "__main__":
    main()
