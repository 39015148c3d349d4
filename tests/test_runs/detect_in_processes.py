"""Two steps of a detector's feature distillation; started by torchrun in test_ddp_detection.py."""

import sys
from pathlib import Path

import tiny_detectors as tiny

# isort: split
import torch
from mmengine.dist import get_rank
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper

from mmkd.engine import leave_processes

LEVELS = dict(student="neck[:]", teacher="neck[:]")
TERMS = {
    "review": LEVELS
    | dict(loss=dict(type="mmkd.ReviewKDLoss"), connector=dict(type="mmkd.ReviewConnector")),
    "mgd": LEVELS | dict(loss=dict(type="mmkd.MGDLoss")),
    "fgd": LEVELS | dict(loss=dict(type="mmkd.FGDLoss", lambda_=0.1)),
    "late": LEVELS | dict(loss=dict(type="mmkd.FGDLoss"), schedule=dict(begin=1)),
}


def main() -> None:
    torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)
    model = MMDistributedDataParallel(tiny.distiller(terms=TERMS))
    assert not model.find_unused_parameters
    before = {name: p.clone() for name, p in model.module.terms.named_parameters()}
    # Adam moves whatever has a gradient, however small.
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=0.001))
    for _ in range(2):  # DDP finds in the second step what had no gradient in the first
        # The second process has no boxes at all.
        model.train_step(tiny.batch([2, 3] if get_rank() == 0 else [0, 0]), wrapper)
    after = dict(model.module.terms.named_parameters())
    moved = {name: not torch.equal(after[name], before[name]) for name in before}
    result = dict(moved=moved, parameters={name: p.detach() for name, p in after.items()})
    torch.save(result, Path(sys.argv[1]) / f"rank_{get_rank()}.pth")


if __name__ == "__main__":
    main()
    leave_processes()
