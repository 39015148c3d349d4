"""Operations for which a GPU's host would have to wait, counted on a CPU by the line of mmkd."""

import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

PACKAGE = Path(__file__).resolve().parents[1] / "mmkd"
OTHERS = ("/mmengine/", "/mmpretrain/", "/mmdet/", "/mmcv/", "/torch/optim/")
# Results whose size depends on values, and what LAPACK computes on the host or in steps with it.
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim"}
WAITS |= {"unique_consecutive", "bincount", "_linalg_svd", "_linalg_eigh", "linalg_inv_ex"}
WAITS |= {"linalg_cholesky_ex", "_linalg_solve_ex", "linalg_lstsq", "linalg_qr"}
INDEXING = {"index", "index_put", "index_put_"}
LEAVES = {Tensor.tolist, Tensor.numpy, Tensor.cpu}
ENTERS = {torch.tensor, torch.as_tensor}


def line_of_mmkd() -> str | None:
    """The line of mmkd that called, unless another library's lies between."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if any(part in path.as_posix() for part in OTHERS):
            return None
        if PACKAGE in path.parents:
            return f"{path.relative_to(PACKAGE).as_posix()}:{frame.f_lineno}"
        frame = frame.f_back
    return None


class HostTraffic(TorchDispatchMode):
    """Counts waits and copies from the host while it is active, by line of mmkd.

    A boolean index counts, because the size of its result depends on values. Python numbers that
    become tensors count as copies. Tensors have no device here: it is taken for granted that all of
    a step lie on one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()
        self.copies: Counter[str] = Counter()
        self.kernels = 0
        self._calls = _Calls(self)

    def __enter__(self) -> "HostTraffic":
        self._calls.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._calls.__exit__(*error)

    def count(self, counter: Counter[str]) -> None:
        if (line := line_of_mmkd()) is not None:
            counter[line] += 1

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[-1]
        self.kernels += not func.is_view and name != "promote_types"  # which reads no tensor
        masks = (
            isinstance(index, Tensor) and index.dtype == torch.bool
            for index in (args[1] if name in INDEXING else ())
        )
        if name in WAITS or any(masks):
            self.count(self.waits)
        return func(*args, **(kwargs or {}))


class _Calls(TorchFunctionMode):
    """Sees calls that a CPU answers without an operation."""

    def __init__(self, traffic: HostTraffic) -> None:
        super().__init__()
        self.traffic = traffic

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in LEAVES:
            self.traffic.count(self.traffic.waits)
        elif func in ENTERS:
            self.traffic.count(self.traffic.copies)
        return func(*args, **(kwargs or {}))
