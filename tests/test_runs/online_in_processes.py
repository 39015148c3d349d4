"""Train networks whose teachers learn too, in one of two processes; see test_online_runs.py."""

import sys
from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.runner import Runner
from runs import checkpoints, config, convnet, distiller, loader, validation

from mmkd.engine import leave_processes, prepare_processes

CHECKS = [dict(type=f"mmkd.{name}") for name in ("StepCheckHook", "StatisticsHook")]
FOLLOW = dict(type="mmkd.MeanTeacherHook", momentum=0.9)
WEIGHT = dict(type="mmkd.EntropyWeight")


def mutual(**overrides):
    """Config of two networks without BatchNorm that learn from each other."""
    students = dict(a=convnet(), b=convnet(6))
    config = dict(students=students, sample_weight=WEIGHT, input_shape=(3, 16, 16))
    return dict(type="mmkd.MutualDistiller", **config, **overrides)


def own_teacher(**overrides):
    """Config of a network without BatchNorm of its own that teaches a branch."""
    model = dict(student=convnet(), branches=dict(one="backbone.layer1"), input_shape=(3, 16, 16))
    kd = dict(loss=dict(type="mmkd.KDLoss", temperature=3.0), sample_weight=WEIGHT)
    return dict(type="mmkd.SelfDistiller", terms=dict(kd=kd), **model, **overrides)


def averaged(**overrides):
    """Config of a student without BatchNorm and its mean teacher."""
    kd = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0), schedule=dict(warmup=2))
    model = dict(student=convnet(), teacher=dict(model=convnet()), terms=dict(kd=kd))
    return distiller(**{**model, **overrides})


def fields(batch_size: int, model, **overrides):
    """Return the fields of a config that distributed and single runs share."""
    settings = dict(
        model=model,
        train_dataloader=loader(batch_size=batch_size, shuffle=True),
        **validation(),
        **checkpoints(),
        **overrides,
    )
    hooks = [*CHECKS, dict(type="mmkd.TeacherEvaluationHook")]
    if model["type"] == "mmkd.Distiller":
        hooks.append(FOLLOW)
    settings["custom_hooks"] = [*settings["custom_hooks"], *hooks]
    return settings


def main() -> None:
    folder = Path(sys.argv[1])
    found = {}
    for name, model in dict(mutual=mutual(), own=own_teacher(), averaged=averaged()).items():
        settings = config(folder / name, **fields(4, model, launcher="pytorch"))
        prepare_processes(settings)
        runner = Runner.from_cfg(settings)
        runner.train()
        assert not runner.model.find_unused_parameters
        found[name] = runner.model.module.state_dict()
    found["teacher"] = runner.model.module.teachers["teacher"].network.state_dict()
    torch.save(found, folder / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
