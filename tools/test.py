"""Test a model, with the arguments of mmpretrain's and mmdet's tools/test.py.

Both the checkpoint and the config may be those of a distillation or those of a plain student.

Examples:
  python tools/test.py my_student.py work_dirs/erkd_my_student/epoch_100_student.pth
  python tools/test.py my_config.py work_dirs/my_config/epoch_12.pth --out predictions.pkl
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from copy import deepcopy
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import mmengine
from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process
from mmengine.evaluator import DumpResults

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.engine import leave_processes, prepare_processes
from mmkd.engine.failure import Failures
from mmkd.engine.launch import (
    ArgumentError,
    build_runner,
    complete_loaders,
    read_config,
    shared_arguments,
)
from mmkd.engine.preflight import check_run
from mmkd.engine.safety import trust_argument
from mmkd.engine.tested import load_evaluated


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "config", help="path of the config, or its name such as mmkd::erkd/<name>.py"
    )
    parser.add_argument("checkpoint", help="checkpoint of the distiller or of the plain student")
    parser.add_argument("--work-dir", help="folder of the log and the metrics")
    parser.add_argument("--out", help="file for the predictions (.pkl) or the metrics")
    parser.add_argument(
        "--out-item",
        choices=["metrics", "pred"],
        help="what --out receives, predictions by default (mmpretrain)",
    )
    parser.add_argument("--show", action="store_true", help="show predictions in a window")
    parser.add_argument("--show-dir", help="folder for images with predictions drawn in")
    parser.add_argument(
        "--interval", type=int, default=1, help="draw every n-th sample (mmpretrain)"
    )
    parser.add_argument("--wait-time", type=float, default=2, help="seconds to show each window")
    parser.add_argument("--tta", action="store_true", help="use test-time augmentation")
    trust_argument(parser)
    shared_arguments(parser)
    arguments = parser.parse_args()
    if arguments.out_item is not None and arguments.out is None:
        parser.error("--out-item needs --out")
    if (
        arguments.out
        and arguments.out_item != "metrics"
        and not arguments.out.endswith((".pkl", ".pickle"))
    ):
        parser.error("--out must end with .pkl or .pickle for predictions")
    return arguments


def draw(config: Config, arguments: Namespace) -> None:
    """Turn on the visualization hook of mmpretrain or mmdet, whose arguments differ in name."""
    hook = config.get("default_hooks", {}).get("visualization")
    if hook is None:
        raise ArgumentError("--show and --show-dir need default_hooks.visualization in the config.")
    hook.show = arguments.show
    hook.wait_time = arguments.wait_time
    if hook.type.rpartition(".")[2] == "DetVisualizationHook":
        hook.draw, hook.test_out_dir = True, arguments.show_dir
    else:
        hook.enable, hook.out_dir, hook.interval = True, arguments.show_dir, arguments.interval


def augment(config: Config) -> None:
    """Wrap model and pipeline for test-time augmentation, by the config or else with flips."""
    detects = config.get("default_scope") == "mmdet"
    dataset = config.test_dataloader.dataset
    if "tta_model" not in config:
        config.tta_model = (
            dict(
                type="DetTTAModel",  # registered by mmdet in MMEngine's root registry
                tta_cfg=dict(nms=dict(type="nms", iou_threshold=0.5), max_per_img=100),
            )
            if detects
            else dict(type="mmpretrain.AverageClsScoreTTA")
        )
    if "tta_pipeline" not in config:
        inner = dataset
        while "dataset" in inner:
            inner = inner.dataset
        *start, pack = deepcopy(inner.pipeline)
        if detects:
            flips = ("flip", "flip_direction")
            sizes = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
            pack = dict(type="PackDetInputs", meta_keys=(*sizes, *flips))
        flip = [dict(type="RandomFlip", prob=prob) for prob in (1.0, 0.0)]
        config.tta_pipeline = [*start, dict(type="TestTimeAug", transforms=[flip, [pack]])]
    config.model = ConfigDict(**config.tta_model, module=config.model)
    dataset.pipeline = config.tta_pipeline


def apply_arguments(config: Config, arguments: Namespace) -> None:
    """Change the config by the arguments of the command line."""
    config.resume, config.load_from = False, None  # the weights are loaded here, see load_evaluated
    if arguments.amp:
        config.test_cfg.fp16 = True
    if arguments.show or arguments.show_dir:
        draw(config, arguments)
    if arguments.tta:
        augment(config)
    complete_loaders(config, ["test_dataloader"], pin=not arguments.no_pin_memory)


def read_checkpoint(arguments: Namespace) -> Any:
    try:
        return load_checkpoint(arguments.checkpoint, arguments.trust_checkpoint)
    except FileNotFoundError as error:
        raise ArgumentError(f"There is no checkpoint {arguments.checkpoint}: {error}") from error


def dump_predictions(config: Config, path: str) -> DumpResults:
    if config.get("default_scope") == "mmdet":
        from mmdet.evaluation import DumpDetResults

        return DumpDetResults(out_file_path=path)
    return DumpResults(out_file_path=path)


def run_test(arguments: Namespace, failures: Failures) -> None:
    config = read_config(arguments)
    failures.folder = config.work_dir
    checkpoint = read_checkpoint(arguments)
    apply_arguments(config, arguments)
    check_run(config, ["test_dataloader"], trains=False)
    prepare_processes(config)
    runner = build_runner(config)
    load_evaluated(runner, checkpoint, arguments.checkpoint)
    if arguments.out and arguments.out_item != "metrics":
        runner.test_evaluator.metrics.append(dump_predictions(config, arguments.out))
    metrics = runner.test()
    if arguments.out and arguments.out_item == "metrics" and is_main_process():
        mmengine.dump(metrics, arguments.out)


def main() -> None:
    arguments = parse_arguments()
    with Failures("tools/test.py") as failures:
        run_test(arguments, failures)
    leave_processes()


if __name__ == "__main__":
    main()
