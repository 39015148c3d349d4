"""Cohorts for tests, and the run that each member would be by itself."""

from pathlib import Path
from typing import Any

import noisy_runs  # noqa: F401  (registers its data sets)
from mmengine.runner import Runner
from runs import checkpoints, config, convnet, distiller, loader, validation
from tiny import KD

from mmkd.engine.launch import build_runner

HINT = dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.HintLoss"))
ER = dict(loss=dict(type="mmkd.KDLoss"), sample_weight=dict(type="mmkd.EntropyWeight"))
MASKED = dict(HINT, loss=dict(type="mmkd.MGDLoss", mask_ratio=0.5))
TEACHER = dict(model=convnet(12))
MEMBERS: dict[str, dict[str, Any]] = dict(
    kd=dict(student=convnet(dropout=0.5), terms=KD),
    er=dict(student=convnet(dropout=0.5), terms=dict(er=ER), student_loss_weight=0.5),
    hint=dict(student=convnet(6, dropout=0.2), terms=dict(KD, hint=HINT, masked=MASKED)),
)
CLIPPED = dict(
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=1e-2),
    clip_grad=dict(max_norm=0.3),
)


def cohort(members: Any = None, **arguments: Any) -> dict[str, Any]:
    """Config of a cohort of three members with a random teacher."""
    return dict(type="mmkd.Cohort", members=members or MEMBERS, teacher=TEACHER, **arguments)


def alone(member: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """Config of the distiller that a member is."""
    found = distiller(**{k: v for k, v in member.items() if k != "seed"}, teacher=TEACHER)
    found.pop("input_shape", None)
    return {**found, **arguments}


def train(work_dir: Path, model: dict[str, Any], **overrides: Any) -> Runner:
    """Train on noisy images with all guards of the tools, and return the runner."""
    data = loader(shuffle=True) | dict(dataset=dict(type="NoisyImages"))
    fields = dict(validation(), **checkpoints(), optim_wrapper=CLIPPED, train_dataloader=data)
    runner = build_runner(config(work_dir, model, **{**fields, **overrides}))
    runner.train()
    return runner
