"""Training whose weights, gradients and optimizer are divided among processes."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine._strategy import FSDPStrategy
from mmengine.device import get_device
from torch.distributed.fsdp import FullStateDictConfig, FullyShardedDataParallel, StateDictType

from mmkd.registry import STRATEGIES


@STRATEGIES.register_module()
class ShardedStrategy(FSDPStrategy):
    """MMEngine's ``FSDPStrategy`` for its ``FlexibleRunner``, which also resumes and runs on CPUs.

    FSDP (Zhao et al., VLDB 2023) divides the weights, the gradients and the optimizer of all that
    is trained among the processes. The teachers are no part of it: each process has its own copy,
    or a part of each teacher by ``teacher=dict(shard=True)``.

    MMEngine hands the optimizer's state to torch in an order of arguments that torch left in 2.1,
    so that its strategy cannot resume; this one can. Without a GPU it gathers weights where they
    are: torch frees what it has gathered before it reads it if it is to be moved to the device on
    which it lies, which ends the process with SIGSEGV.

    Args:
        model_wrapper: Settings of ``MMFullyShardedDataParallel``, such as ``auto_wrap_policy``.
        state_dict_cfg: ``'full'`` for checkpoints as those of other runs, with the student's file
            beside them, ``'local'`` for a part of each process, or a dict, see MMEngine.
        settings: The other settings of MMEngine's strategy.
    """

    def __init__(
        self,
        *,
        model_wrapper: Mapping[str, Any] | None = None,
        state_dict_cfg: str | dict[str, Any] = "full",
        **settings: Any,
    ) -> None:
        wrapper = dict(model_wrapper or {})
        if get_device() == "cpu":
            wrapper.setdefault("device_id", torch.device("cpu"))
        super().__init__(model_wrapper=wrapper, state_dict_cfg=state_dict_cfg, **settings)
        if get_device() == "cpu" and self.state_dict_type == StateDictType.FULL_STATE_DICT:
            self.state_dict_config = FullStateDictConfig(rank0_only=True)

    def load_optim_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the optimizer's state from a checkpoint."""
        optimizer = self.optim_wrapper.optimizer
        own = FullyShardedDataParallel.optim_state_dict_to_load(self.model, optimizer, state_dict)
        self.optim_wrapper.load_state_dict(own)
