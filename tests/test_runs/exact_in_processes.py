"""A run of two processes, whole and in parts; started by torchrun in test_exact_resume_hook.py."""

import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from noisy_runs import whole_and_resumed
from runs import equal

from mmkd.engine import leave_processes, prepare_processes


def main() -> None:
    folder = Path(sys.argv[1])
    settings = Config(dict(launcher="pytorch"))
    prepare_processes(settings)
    whole, resumed = whole_and_resumed(folder, workers=1, **settings)
    assert equal(whole.model.state_dict(), resumed.model.state_dict())
    torch.save(resumed.model.state_dict(), folder / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
