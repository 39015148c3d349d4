"""Two processes with a teacher and on a store; started by torchrun in test_stored_runs.py."""

import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from stored_runs import build, go

from mmkd.engine import leave_processes, prepare_processes


def main() -> None:
    folder = Path(sys.argv[1])
    settings = Config(dict(launcher="pytorch"))
    prepare_processes(settings)
    online, _ = go(folder / "online", **settings)
    store = build(folder / "build", folder / "store", dict(settings), shard_records=5)
    stored, _ = go(folder / "stored", store, **settings)
    torch.save(dict(online=online, stored=stored), folder / f"losses_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
