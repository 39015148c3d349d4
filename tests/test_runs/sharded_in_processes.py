"""Train one of the processes of a sharded run; started by torchrun in test_sharded.py."""

import sys
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.runner import FlexibleRunner
from runs import config, convnet, distiller, loader
from tiny import KD

from mmkd.engine import leave_processes, prepare_processes
from mmkd.engine.launch import build_runner

HINT = dict(
    hint=dict(student="backbone", teacher="backbone.layer2", loss=dict(type="mmkd.HintLoss"))
)
HOOKS = ("StepCheckHook", "StatisticsHook", "StudentCheckpointHook", "TeacherEvaluationHook")
POLICY = dict(type="torch.distributed.fsdp.wrap.size_based_auto_wrap_policy", min_num_params=50)
STRATEGY = dict(type="mmkd.ShardedStrategy", model_wrapper=dict(auto_wrap_policy=POLICY))


def fields(batch_size: int, shard: bool = False, **overrides: Any) -> dict[str, Any]:
    """Return the fields of a config that sharded and single runs share.

    The networks have no BatchNorm, whose statistics would be those of each process's part.
    """
    teacher = dict(model=convnet(6), shard=shard)
    return dict(
        model=distiller(student=convnet(), teacher=teacher, terms={**KD, **HINT}),
        train_dataloader=loader(batch_size=batch_size, shuffle=True),
        val_dataloader=loader(seed=1, size=8),
        val_cfg=dict(),
        val_evaluator=dict(type="Accuracy", topk=(1,)),
        custom_hooks=[dict(type=f"mmkd.{name}") for name in HOOKS],
        default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=1)),
        **overrides,
    )


def train(folder: Path, **overrides: Any) -> FlexibleRunner:
    sharded = dict(runner_type="FlexibleRunner", strategy=STRATEGY, launcher="pytorch")
    settings = config(folder, **fields(4, **overrides, **sharded), env_cfg=dict())
    prepare_processes(settings)
    runner = build_runner(settings)
    runner.train()
    return runner


def main() -> None:
    folder = Path(sys.argv[1])
    whole = train(folder / "whole")
    parts = sum(weight.numel() for weight in whole.model.parameters())
    del whole
    first = str(folder / "whole/epoch_1.pth")
    resumed = train(folder / "resumed", shard=True, resume=True, load_from=first)
    metrics = resumed.message_hub.get_info("teacher_metrics/teacher")
    teacher = resumed.model.module.teachers["teacher"].network
    held = {name: weight.to_local().numel() for name, weight in teacher.named_parameters()}
    torch.save(dict(parts=parts, metrics=metrics, held=held), folder / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
