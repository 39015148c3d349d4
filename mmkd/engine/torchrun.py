"""``python -m mmkd.engine.torchrun``: torchrun without its reports of failures.

The processes print their own error messages; torchrun then prints a traceback and a report of every
process. This command omits both. If a process was killed and could not print anything, the command
names it and the signal. ``MMKD_TRACEBACK=1`` leaves torchrun unchanged.
"""

import logging
import os
import signal
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

from mmkd.engine.failure import TRACEBACK

LOGGERS = ("torch.distributed.elastic", "torch.distributed.run")


def run(arguments: list[str] | None = None) -> int:
    """Run torchrun, and return the exit code of the process that failed first, or 0."""
    if os.environ.get(TRACEBACK) == "1":
        main(arguments)
        return 0
    for name in [*logging.root.manager.loggerDict]:
        if name.startswith(LOGGERS):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        main(arguments)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode >= 0:
            return failure.exitcode or 1
        name = signal.Signals(-failure.exitcode).name
        print(
            f"The process of rank {rank} was killed by {name}; the others were ended. Was there "
            "too little memory?",
            file=sys.stderr,
        )
        return 128 - failure.exitcode
    except SignalException as error:  # torchrun has ended its processes already
        return 128 + error.sigval
    return 0


if __name__ == "__main__":
    sys.exit(run())
