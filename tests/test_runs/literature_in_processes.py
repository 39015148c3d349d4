"""Train one of two processes; started by torchrun in test_literature_runs.py."""

import sys
from pathlib import Path

import torch
from literature_runs import settings
from mmengine.dist import get_rank
from mmengine.runner import Runner
from runs import checkpoints, config

from mmkd.engine import leave_processes, prepare_processes


def main() -> None:
    folder = Path(sys.argv[1])
    fields = config(folder, **settings(4), **checkpoints(), launcher="pytorch")
    prepare_processes(fields)
    runner = Runner.from_cfg(fields)
    runner.train()
    assert not runner.model.find_unused_parameters
    torch.save(runner.model.module.state_dict(), folder / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
