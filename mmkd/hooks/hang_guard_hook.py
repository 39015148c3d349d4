"""Hook that ends a run of several processes if one hangs, and names that process."""

import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.distributed.distributed_c10d import _get_default_store

from mmkd.registry import HOOKS

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

# Parts of the paths of files in whose functions a process waits for another one.
WAITING = ("torch/distributed/", "torch/autograd/", "mmengine/dist/")
EXIT_CODE = 75  # a temporary failure in sysexits.h, to be tried again


@HOOKS.register_module()
class HangGuardHook(Hook):
    """End a run of several processes that makes no progress, and name the process that hangs.

    In each process a thread watches the iterations. After ``timeout`` seconds without one, the
    process reports its current place in the code to the others. A process hangs if it is not in
    code that communicates with the other processes, or if it does not report. The message names
    these processes, and the exit code is 75. Without the hook torch waits for half an hour and
    names no process.

    Args:
        timeout: Maximum seconds without an iteration of training or validation. Computing the
            metrics of a validation must not take longer either.
        answer: Seconds that the other processes have to report their place.
    """

    priority = "VERY_HIGH"

    def __init__(self, timeout: float = 600, answer: float = 5) -> None:
        self.timeout, self.answer = timeout, answer
        self.watches = True
        self._progress = time.monotonic()
        self._iteration = 0
        self._ended = threading.Event()
        self._watcher: threading.Thread | None = None

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self._tick(runner)
        if self._watcher is None and get_world_size() > 1:
            # The watch starts only here, because the evaluation of the teachers may take long.
            main, store = threading.get_ident(), _get_default_store()
            self._watcher = threading.Thread(target=self._watch, args=(main, store), daemon=True)
            self._watcher.start()

    def after_train(self, runner: Runner) -> None:
        self._ended.set()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self._tick(runner)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self._tick(runner)

    def _tick(self, runner: Runner) -> None:
        self._progress, self._iteration = time.monotonic(), runner.iter

    def _watch(self, main: int, store: "Store") -> None:
        while not self._ended.wait(min(1.0, self.timeout / 4)):
            if self.watches and time.monotonic() - self._progress > self.timeout:
                # The error is not raised, because the main thread waits in C code and would not see
                # it.
                print(self._report(main, store), file=sys.stderr, flush=True)
                os._exit(EXIT_CODE)

    def _report(self, main: int, store: "Store") -> str:
        """Report the place of this process to the others, and return which processes hang."""
        place = _place(main)
        store.set(f"mmkd/stands/{get_rank()}", place)
        time.sleep(self.answer)
        hanging = []
        for rank in range(get_world_size()):
            key = f"mmkd/stands/{rank}"
            stands = store.get(key).decode() if store.check([key]) else "does not answer"
            if not any(part in stands for part in WAITING):
                hanging.append(f"rank {rank} {stands}")
        return (
            f"No progress for {self.timeout:.0f} s in iteration {self._iteration + 1} of training: "
            f"{'; '.join(hanging) or 'all ranks wait for each other'}. The run was ended; go on "
            "from its last checkpoint with --resume. (mmkd.HangGuardHook(timeout=...) says how "
            "long an iteration may take.)"
        )


@contextmanager
def unwatched(runner: Runner) -> Iterator[None]:
    """Suspend the guard for work between two iterations that may take longer than ``timeout``."""
    guards = [hook for hook in runner.hooks if isinstance(hook, HangGuardHook)]
    for guard in guards:
        guard.watches = False
    yield
    for guard in guards:
        guard._tick(runner)
        guard.watches = True


def _place(thread: int) -> str:
    """Return the innermost function of a thread, in words."""
    frame = sys._current_frames().get(thread)
    if frame is None:
        return "has ended"
    [place] = traceback.extract_stack(frame, limit=1)
    return f"is in {place.name}, {place.filename}:{place.lineno}"
