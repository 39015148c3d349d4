"""Measure memory and time of runs whose weights are divided among processes, and compare weights.

A vision transformer learns by KD from a larger one on random images, for the same few steps in each
of several ways: by DDP; by FSDP (mmkd.ShardedStrategy); by FSDP with the teacher sharded too; and,
if deepspeed is installed, by its ZeRO-3 with the teacher sharded. For each way the tool records the
milliseconds of a step, the peak memory of a process, and the difference of the student's final
weights from those of DDP. If a way fails, the end of its log is recorded. The JSON is written after
each way. The tool takes at most 8 minutes; on CPUs use --small.

Examples:
  python tools/benchmarks/gpu_sharding.py --work-dir work_dirs/sharding
  python tools/benchmarks/gpu_sharding.py --work-dir work_dirs/sharding_small --small
"""

import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.compat.files import write_file
from mmkd.compat.machine import provenance
from mmkd.engine import leave_processes, prepare_processes
from mmkd.engine.launch import build_runner
from mmkd.registry import DATASETS, HOOKS

LIMIT = 110  # seconds of a part
PARTS = ("ddp", "fsdp", "fsdp_teacher", "zero3_teacher")
TINY = dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64)


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--processes", type=int, help="by default as GPUs, or 2 on a CPU")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=32, help="of each process")
    parser.add_argument("--small", action="store_true", help="tiny networks and images")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args()


@DATASETS.register_module()
class NormalImages(Dataset[dict[str, Any]]):
    """Images of normal noise, each drawn by its index, with labels."""

    def __init__(self, count: int, size: int) -> None:
        self.count, self.size = count, size

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        from mmpretrain.structures import DataSample

        draw = torch.Generator().manual_seed(index)
        image = torch.randn(3, self.size, self.size, generator=draw)
        return dict(inputs=image, data_samples=DataSample().set_gt_label(index % 10))


@HOOKS.register_module()
class CostHook(Hook):
    """Write the milliseconds of a step and the most memory of a process to a file.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self.path, self.times = path, list[float]()

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())

    def after_train(self, runner: Runner) -> None:
        steps = [after - before for before, after in zip(self.times, self.times[1:], strict=False)]
        found = dict(ms=1e3 * median(steps), gb=None)
        if torch.cuda.is_available():
            found["gb"] = torch.cuda.max_memory_allocated() / 1e9
        if is_main_process():
            write_file(Path(self.path), json.dumps(found).encode())


def config_of(arguments: Namespace, part: str) -> Config:
    """Return the config of a part."""
    folder, size = arguments.work_dir / part, 32 if arguments.small else 224
    student, teacher = (TINY, TINY) if arguments.small else ("b", "l")
    data = dict(type="mmkd.NormalImages", count=arguments.batch_size * 64, size=size)
    policy = "torch.distributed.fsdp.wrap.size_based_auto_wrap_policy"
    least = 1000 if arguments.small else 5_000_000
    fsdp = dict(auto_wrap_policy=dict(type=policy, min_num_params=least))
    zero = dict(stage=3, stage3_gather_16bit_weights_on_model_save=True)
    batch = dict(zero_allow_untested_optimizer=True)
    batch["train_micro_batch_size_per_gpu"] = arguments.batch_size
    strategy = dict(type="mmkd.ShardedStrategy", model_wrapper=fsdp)
    optimizer: dict[str, Any] = dict(optimizer=dict(type="SGD", lr=0.01, momentum=0.9))
    if part == "zero3_teacher":
        strategy = dict(type="DeepSpeedStrategy", config=batch, zero_optimization=zero)
        optimizer["type"] = "DeepSpeedOptimWrapper"
    return Config(
        dict(
            default_scope="mmpretrain",
            work_dir=str(folder),
            experiment_name=part,
            model=dict(
                type="mmkd.Distiller",
                student=network(student, size),
                teacher=dict(model=network(teacher, size), shard=part.endswith("teacher")),
                terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss"))),
                input_shape=(3, size, size),
            ),
            data_preprocessor=dict(type="ClsDataPreprocessor", num_classes=10),
            train_dataloader=dict(
                batch_size=arguments.batch_size,
                num_workers=0 if arguments.small else 4,
                dataset=data,
                sampler=dict(type="InfiniteSampler", shuffle=True),
            ),
            train_cfg=dict(by_epoch=False, max_iters=arguments.steps),
            optim_wrapper=optimizer,
            custom_hooks=[dict(type="mmkd.CostHook", path=str(folder / "cost.json"))],
            default_hooks=dict(
                checkpoint=dict(
                    type="CheckpointHook",
                    by_epoch=False,
                    interval=arguments.steps,
                    save_optimizer=False,
                )
            ),
            env_cfg=dict(dist_cfg=dict(backend=backend())),
            randomness=dict(seed=0),
            launcher="pytorch",
            log_level="WARNING",
            strategy=strategy,
            runner_type="Runner" if part == "ddp" else "FlexibleRunner",
        )
    )


def network(arch: str | dict[str, int], size: int) -> dict[str, Any]:
    """Return the config of a vision transformer."""
    width = arch["embed_dims"] if isinstance(arch, dict) else dict(b=768, l=1024)[arch]
    return dict(
        type="ImageClassifier",
        backbone=dict(type="VisionTransformer", arch=arch, img_size=size, patch_size=16),
        head=dict(type="VisionTransformerClsHead", num_classes=10, in_channels=width),
    )


def backend() -> str:
    return "nccl" if torch.cuda.is_available() else "gloo"


def work(arguments: Namespace) -> None:
    """Train the only part, in one of its processes."""
    (part,) = arguments.parts
    config = config_of(arguments, part)
    prepare_processes(config)
    runner = build_runner(config)
    runner.train()
    del runner
    leave_processes()


def measure(arguments: Namespace, part: str) -> dict[str, Any]:
    """Train a part in processes of its own, and return what was measured."""
    count = arguments.processes or torch.cuda.device_count() or 2
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={count}"]
    command = [sys.executable, *launch, __file__, *sys.argv[1:], "--parts", part]
    log = arguments.work_dir / f"{part}.log"
    started = time.time()
    with log.open("w") as file:
        try:
            code = subprocess.run(
                command,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=LIMIT,
                env={"OMP_NUM_THREADS": "1", **os.environ},
            ).returncode
        except subprocess.TimeoutExpired:
            code = 124
    found: dict[str, Any] = dict(part=part, processes=count, seconds=time.time() - started)
    if code:
        end = log.read_text(errors="replace").splitlines()[-15:]
        return dict(found, failed=code, log=end)
    found |= json.loads((arguments.work_dir / part / "cost.json").read_text())
    ours, ddp = (student(arguments, name) for name in (part, "ddp"))
    if ddp:
        found["difference"] = max(float((ours[key] - ddp[key]).abs().max()) for key in ddp)
    return found


def student(arguments: Namespace, part: str) -> dict[str, torch.Tensor]:
    """Return the student's weights in a part's checkpoint; nothing if there is none."""
    path = arguments.work_dir / part / f"iter_{arguments.steps}.pth"
    if not path.is_file():
        return {}
    weights = load_checkpoint(path)["state_dict"]
    return {key: weight for key, weight in weights.items() if key.startswith("student.")}


def main() -> None:
    arguments = parse_arguments()
    if "RANK" in os.environ:
        work(arguments)
        return
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = dict(parts=[], **provenance(Path(__file__).parent))
    for part in arguments.parts:
        if part.startswith("zero") and find_spec("deepspeed") is None:
            found: dict[str, Any] = dict(part=part, failed="deepspeed is not installed")
        else:
            found = measure(arguments, part)
        result["parts"].append(found)
        write_file(arguments.work_dir / "gpu_sharding.json", json.dumps(result, indent=1).encode())
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
