"""Training with weights, gradients and optimizer state sharded over processes."""

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

    FSDP (Zhao et al., VLDB 2023) shards the weights, gradients and optimizer state of all trained
    modules over the processes. It does not shard the teachers: each process has its own copy,
    unless ``teacher=dict(shard=True)`` shards a teacher too.

    MMEngine's strategy cannot resume, because it passes the optimizer's state to torch in an order
    of arguments that torch changed in 2.1; this strategy can. Without a GPU this strategy does not
    offload gathered weights to the CPU: torch would free them before it reads them, because they
    are on the CPU already, and the process would end with SIGSEGV.

    Args:
        model_wrapper: Settings of ``MMFullyShardedDataParallel``, such as ``auto_wrap_policy``.
        state_dict_cfg: ``'full'`` for checkpoints like those of other runs, with the student's file
            beside them; ``'local'`` for one part from each process; or a dict, see MMEngine.
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
