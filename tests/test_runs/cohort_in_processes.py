"""Train a cohort, and a member of it alone, in two processes; started by test_cohort.py."""

import sys
from pathlib import Path

import torch
from cohorts import CLIPPED, MEMBERS, TEACHER, alone, cohort
from mmengine.dist import get_rank
from mmengine.runner import Runner
from runs import config, loader

from mmkd.engine import leave_processes, prepare_processes
from mmkd.engine.launch import build_runner


def go(folder: Path, model: dict) -> Runner:
    """Train in this process and the other one."""
    data = loader(batch_size=4, shuffle=True) | dict(dataset=dict(type="NoisyImages"))
    fields = dict(train_dataloader=data, optim_wrapper=CLIPPED, launcher="pytorch")
    made = config(folder, model, **fields)
    prepare_processes(made)
    runner = build_runner(made)
    runner.train()
    return runner


def main() -> None:
    folder = Path(sys.argv[1])
    TEACHER["checkpoint"] = str(folder / "teacher.pth")
    members = go(folder / "cohort", cohort()).model.module.members
    single = go(folder / "alone", alone(MEMBERS["hint"])).model.module
    found = {name: member.state_dict() for name, member in members.items()}
    torch.save(dict(found, alone=single.state_dict()), folder / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
