"""Arguments that tools/train.py and tools/test.py share, and settings that follow from them."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.runner import Runner

from mmkd.registry import RUNNERS

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


class ArgumentError(ValueError):
    """Error for a request on the command line that cannot be fulfilled."""


def shared_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that training and testing have in common in mmpretrain and mmdet."""
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="settings that override the config's, as key=value with dotted keys; lists as "
        'key="[a,b]" without white space',
    )
    parser.add_argument("--amp", action="store_true", help="use automatic mixed precision")
    parser.add_argument(
        "--no-pin-memory", action="store_true", help="do not pin the memory of the batches"
    )
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch", "slurm", "mpi"],
        default="none",
        help="what starts the processes of a distributed run",
    )
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0)


def load_config(name: str) -> Config:
    """Read a config by its path or name.

    Raises:
        ArgumentError: If there is no such config.
    """
    try:
        return Config.fromfile(name)
    except FileNotFoundError as error:
        raise ArgumentError(f"There is no config {name}: {error}") from error


def read_config(arguments: Namespace, config: Config | None = None) -> Config:
    """Read the config named on the command line, and apply the settings that all commands share.

    Args:
        arguments: The arguments of the command line.
        config: A composed config, used in place of the one that the command line names.

    Raises:
        ArgumentError: If there is no such config.
    """
    os.environ.setdefault("LOCAL_RANK", str(arguments.local_rank))
    if config is None:
        config = load_config(arguments.config)
    if arguments.cfg_options is not None:
        config.merge_from_dict(arguments.cfg_options)
    config.launcher = arguments.launcher
    if arguments.work_dir is not None:
        config.work_dir = arguments.work_dir
    elif config.get("work_dir") is None:
        config.work_dir = str(Path("work_dirs", Path(config.filename).stem))
    return config


def complete_loaders(
    config: Config, fields: Sequence[str] = LOADERS, pin: bool = True, persist: bool = True
) -> None:
    """Set the data loader settings that configs leave out because mmpretrain's tools set them.

    Args:
        config: The config; it is changed in place.
        fields: Names of the loaders.
        pin: Whether batches may be pinned; they are pinned only if there is a GPU to copy them to.
        persist: Whether workers may outlive an epoch.
    """
    for field in fields:
        loader = config.get(field)
        if not isinstance(loader, ConfigDict):
            continue
        if config.get("default_scope") == "mmpretrain":
            # mmdet's images differ in size and must not be stacked: its loaders keep MMEngine's
            # default.
            loader.setdefault("collate_fn", dict(type="default_collate"))
        loader.setdefault("pin_memory", torch.cuda.is_available())
        if not pin:
            loader.pin_memory = False
        loader.setdefault("persistent_workers", True)
        if not persist or not loader.get("num_workers"):
            loader.persistent_workers = False


def build_runner(config: Config) -> Runner:
    """Build the Runner that the config names as its ``runner_type``, by default a SafeRunner."""
    config.setdefault("runner_type", "mmkd.SafeRunner")
    runner: Runner = RUNNERS.build(config)
    return runner
