"""Memory of a model's weights, and the additional memory that a training step needs."""

from collections.abc import Callable
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import nn
from torch.profiler import ProfilerActivity, profile


def held_bytes(model: BaseModel) -> int:
    """Return the bytes of all weights and buffers of a model, with those of its teachers.

    Tensors that several parts share count once; gradients and the optimizer's state do not count.
    """
    teachers = getattr(model, "teachers", {})
    return own_bytes(model, *(teacher.network for teacher in teachers.values()))


def own_bytes(*networks: nn.Module) -> int:
    """Return the bytes of the parameters and buffers of networks, without their teachers."""
    tensors = [t for n in networks for t in (*n.parameters(), *n.buffers())]
    storages = {tensor.untyped_storage().data_ptr(): tensor for tensor in tensors}
    return sum(tensor.untyped_storage().nbytes() for tensor in storages.values())


def step_bytes(step: Callable[[], Any]) -> int:
    """Run a step, and return the peak of the additional bytes of tensors while it runs.

    On a CPU, memory that libraries allocate outside of torch's tensors does not count.
    """
    if torch.cuda.is_available():
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    assert profiler.profiler is not None
    records = profiler.profiler.kineto_results.events()
    changes = sorted((r.start_ns(), r.nbytes()) for r in records if r.name() == "[memory]")
    now = peak = 0
    for _, change in changes:
        now += change
        peak = max(peak, now)
    return peak
