"""Train terms on RoIs in one of two processes; started by torchrun in test_detection_runs.py."""

import sys
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import tiny_detectors as tiny
import torch
from mmengine.dist import get_rank
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import distributed

from mmkd.engine import leave_processes

KD = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))
DKD = dict(type="mmkd.DKDLoss", alpha=1.0, beta=0.25, temperature=1.0)
TERMS = dict(
    er=KD | dict(sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0)),
    ea=KD | dict(sample_weight=dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0)),
    dkd=dict(loss=DKD, labels="roi_head.bbox_head.loss_cls:input[1]"),
)
BOXES = ([[0, 0], [2, 3]], [[1, 0], [0, 0]], [[0, 0], [0, 0]])  # of each step and process


def main() -> None:
    distributed.init_process_group("gloo")
    torch.manual_seed(0)
    model = MMDistributedDataParallel(tiny.distiller(terms=TERMS), broadcast_buffers=False)
    model.train()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    logged = []
    for boxes in BOXES:
        losses = model.train_step(tiny.batch(boxes[get_rank()]), wrapper)
        logged.append({name: value.item() for name, value in losses.items()})
    result = dict(logged=logged, parameters=dict(model.module.named_parameters()))
    torch.save(result, Path(sys.argv[1]) / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
