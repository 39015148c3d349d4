"""Execution of runs: the runner, cohorts, mixed precision, several processes, and the tools."""

from mmkd.engine.amp import CPUAmpOptimWrapper, use_mixed_precision
from mmkd.engine.cohort import CohortOptimWrapperConstructor, CohortValLoop
from mmkd.engine.distributed import leave_processes, prepare_processes
from mmkd.engine.runner import SafeRunner
from mmkd.engine.sharding import ShardedStrategy

__all__ = [
    "CPUAmpOptimWrapper",
    "CohortOptimWrapperConstructor",
    "CohortValLoop",
    "SafeRunner",
    "ShardedStrategy",
    "leave_processes",
    "prepare_processes",
    "use_mixed_precision",
]
