"""Memory format of the networks that are trained."""

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmkd.registry import HOOKS


@HOOKS.register_module()
class MemoryFormatHook(Hook):
    """Train in ``channels_last``, which is faster for convolutions on most processors and GPUs.

    The hook converts the 4-dimensional weights of all modules that are trained: the student or
    students, and their connectors. Convolutions then return their maps in this format too. Results
    are equal up to rounding, because sums are computed in a different order. A frozen teacher has
    its own option: ``teacher=dict(memory_format='channels_last')``.

    To use it, write ``custom_hooks=[dict(type='mmkd.MemoryFormatHook')]`` in the config.
    """

    priority = "VERY_HIGH"  # before hooks that copy the weights, such as EMA's

    def before_run(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.to(memory_format=torch.channels_last)
