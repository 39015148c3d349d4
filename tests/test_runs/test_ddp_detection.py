"""Terms of a detector train in two processes, without unused parameters."""

from pathlib import Path

import pytest
import torch
from runs import equal
from tool_runs import run_in_two_processes

SCRIPT = Path(__file__).with_name("detect_in_processes.py")


@pytest.mark.slow
def test_connectors_and_the_losses_parts_are_trained_alike(tmp_path):
    run_in_two_processes(SCRIPT, tmp_path)
    ranks = [torch.load(tmp_path / f"rank_{rank}.pth") for rank in range(2)]
    assert equal(ranks[0]["parameters"], ranks[1]["parameters"])
    moved = ranks[0]["moved"]
    assert {name.split(".")[0] for name in moved} == {"review", "mgd", "fgd", "late"}
    assert not any(moves for name, moves in moved.items() if name.startswith("late."))
    still = [name for name, moves in moved.items() if not moves and not name.startswith("late.")]
    assert all(name.endswith("attend.bias") for name in still), "softmax alone sees no offset"
