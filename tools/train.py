r"""Train a model from its config, or a student from its config, teachers and distillation methods.

The arguments are those of mmpretrain's and mmdet's tools/train.py, and further ones for teachers,
methods, stores and safety. Examples:

  python tools/train.py configs/erkd/fasterrcnn_r101_r18_coco.py
  python tools/train.py mmpretrain::resnet/resnet18_8xb32_in1k.py \
      --teacher mmpretrain::resnet/resnet34_8xb32_in1k.py --method erkd --set temperature=2
  python tools/train.py my_detector.py --teacher big_detector.py big.pth --method erkd+pkd
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from copy import deepcopy
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmkd.composition.arguments import add_arguments, composed_config, composes
from mmkd.composition.writing import command_line, write_config
from mmkd.engine import leave_processes, prepare_processes, use_mixed_precision
from mmkd.engine.failure import Failures
from mmkd.engine.launch import (
    ArgumentError,
    build_runner,
    complete_loaders,
    read_config,
    shared_arguments,
)
from mmkd.engine.preflight import check_run
from mmkd.engine.safety import apply_safety, safety_arguments


def parse_arguments() -> Namespace:
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter, add_help=False
    )
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
    parser.add_argument(
        "--store", metavar="PATH", help="take the teachers' logits from a store: none is built"
    )
    parser.add_argument(
        "--store-grow",
        action="store_true",
        help="let the teachers compute what the store lacks, and add it",
    )
    safety_arguments(parser)
    shared_arguments(parser)
    add_arguments(parser)
    return parser.parse_args()


def apply_arguments(config: Config, arguments: Namespace) -> None:
    """Change the config by the arguments of the command line."""
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
    if arguments.store is not None:
        if "terms" not in config.model and "members" not in config.model:
            raise ArgumentError("--store stands in for teachers, and the config has no terms.")
        config.model.store = dict(path=arguments.store)
    if arguments.store_grow:
        if not config.model.get("store"):
            raise ArgumentError("--store-grow adds to a store: say which, by --store PATH.")
        config.model.store.grow = True
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


def write_composed(config: Config, arguments: Namespace, runner: Runner) -> None:
    """Write a composed config to the work folder, in place of the one that the Runner wrote there.

    It contains the effect of all arguments except those on the launcher and on resuming.
    """
    if is_main_process():
        apply_arguments(config, Namespace(**{**vars(arguments), "resume": None}))
        config.launcher = "none"
        path = Path(runner.work_dir, Path(config.filename).name)
        write_config(config, path, command_line(), runner.seed)


def main() -> None:
    arguments = parse_arguments()
    with Failures("tools/train.py") as failures:
        composed = composed_config(arguments) if composes(arguments) else None
        config = read_config(arguments, composed)
        failures.folder = config.work_dir
        repeated = deepcopy(config)
        apply_arguments(config, arguments)
        check_run(config, ["train_dataloader", "val_dataloader"], trains=True)
        prepare_processes(config)
        runner = build_runner(config)
        if composed is not None:
            write_composed(repeated, arguments, runner)
        runner.train()
        del runner  # nothing may refer to it when the processes are left
    leave_processes()


if __name__ == "__main__":
    main()
