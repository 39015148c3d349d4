"""Memory format of the networks that are trained."""

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmkd.registry import HOOKS


@HOOKS.register_module()
class MemoryFormatHook(Hook):
    """Train in ``channels_last``, which is faster for convolutions on most processors and GPUs.

    The hook converts the weights of four dimensions of everything that is trained: the student or
    students and their connectors. Convolutions then give their maps in this format too. Results
    are equal up to rounding, since sums are taken in another order. A frozen teacher has an option
    of its own: ``teacher=dict(memory_format='channels_last')``.

    A config needs ``custom_hooks=[dict(type='mmkd.MemoryFormatHook')]``.
    """

    priority = "VERY_HIGH"  # before hooks that copy the weights, such as EMA's

    def before_run(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.to(memory_format=torch.channels_last)
