"""Train one of the processes of a sharded run; started by torchrun in test_fsdp.py."""

import sys
from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.runner import FlexibleRunner
from runs import config
from torch.distributed.fsdp import FullyShardedDataParallel
from train_in_processes import fields

from mmkd.engine import leave_processes, prepare_processes

STRATEGY = dict(
    type="FSDPStrategy",
    state_dict_cfg="full",
    model_wrapper=dict(
        type="MMFullyShardedDataParallel",
        device_id=None,  # a CPU
        auto_wrap_policy=dict(type="size_based_auto_wrap_policy", min_num_params=100),
    ),
)


def main() -> None:
    folder = Path(sys.argv[1])
    settings = config(folder, **fields(4, launcher="pytorch", strategy=STRATEGY))
    prepare_processes(settings)
    runner = FlexibleRunner.from_cfg(settings)
    runner.train()
    model = runner.model
    found = dict(
        units=[n for n, m in model.named_modules() if isinstance(m, FullyShardedDataParallel)],
        held=sum(parameter.numel() for parameter in model.parameters()),
        teacher=sum(p.numel() for p in model.module.teachers["teacher"].network.parameters()),
        metrics=runner.message_hub.get_info("teacher_metrics/teacher"),
    )
    torch.save(found, folder / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
