"""Running: mixed precision and several processes on a CPU, and what the scripts in tools/ share."""

from mmkd.engine.amp import CPUAmpOptimWrapper, use_mixed_precision
from mmkd.engine.distributed import leave_processes, prepare_processes
from mmkd.engine.runner import SafeRunner

__all__ = [
    "CPUAmpOptimWrapper",
    "SafeRunner",
    "leave_processes",
    "prepare_processes",
    "use_mixed_precision",
]
