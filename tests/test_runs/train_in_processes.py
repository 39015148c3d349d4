"""Train one of the processes of a distributed run; started by torchrun in test_ddp.py."""

import sys
from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.runner import Runner
from runs import config, convnet, distiller, loader
from tiny import KD

from mmkd.engine import leave_processes, prepare_processes

HINT = dict(
    late=dict(
        student="backbone",
        teacher="backbone",
        loss=dict(type="mmkd.HintLoss"),
        schedule=dict(begin=1),
    )
)
HOOKS = ("StepCheckHook", "StatisticsHook", "StudentCheckpointHook", "TeacherEvaluationHook")


def fields(batch_size: int, **overrides):
    """Return the fields of a config that distributed and single runs share.

    The student has no BatchNorm, whose statistics would be those of each process's part.
    """
    return dict(
        model=distiller(student=convnet(), terms={**KD, **HINT}),
        train_dataloader=loader(batch_size=batch_size, shuffle=True),
        val_dataloader=loader(seed=1, size=8),
        val_cfg=dict(),
        val_evaluator=dict(type="Accuracy", topk=(1,)),
        custom_hooks=[dict(type=f"mmkd.{name}") for name in HOOKS],
        default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=1)),
        **overrides,
    )


def main() -> None:
    folder = Path(sys.argv[1])
    settings = config(folder, **fields(4, launcher="pytorch"))
    prepare_processes(settings)
    runner = Runner.from_cfg(settings)
    runner.train()
    assert not runner.model.find_unused_parameters
    metrics = runner.message_hub.get_info("teacher_metrics/teacher")
    student = runner.model.module.student.state_dict()
    torch.save(dict(student=student, metrics=metrics), folder / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
