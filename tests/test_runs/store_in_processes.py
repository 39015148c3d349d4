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
    grown, _ = go(folder / "growing", dict(path=str(folder / "grown"), grow=True), **settings)
    again, _ = go(folder / "again", folder / "grown", **settings)
    losses = dict(online=online, stored=stored, grown=grown, again=again)
    torch.save(losses, folder / f"losses_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
