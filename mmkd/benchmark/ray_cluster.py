"""Training runs as tasks of Ray, on this machine or on a cluster."""

import os
import signal
import subprocess
import sys
import time
from math import ceil
from pathlib import Path
from typing import Any

from mmkd.benchmark.training import Job

HERE = "local"
RETRIES = 2  # repetitions of a run whose process was killed or whose node was lost
PASSED_ON = ("PYTHONPATH", "OMP_NUM_THREADS", "MMKD_WEIGHTS")


class RayCluster:
    """Ray cluster that runs the commands of training runs.

    Its nodes must see the files of this machine under the same paths, and must have mmkd installed.
    A command runs in this process's working directory, by the node's own Python. Ray reserves one
    CPU and ``gpus`` GPUs for it, and chooses them. A command is repeated if a signal killed it or
    its node was lost, but not if it failed by itself.

    Args:
        address: Address of a running cluster, or ``'local'`` for a cluster of this machine alone
            that ends with this process.
        gpus: GPUs of a run, by default 1 if the cluster has any; with 0.5 two runs share a GPU.
        cpus: Number of CPUs of a local cluster, by default those of the machine.

    Attributes:
        gpus: GPUs of a run, 0 if the cluster has none.
        places: Number of simultaneous runs.
        sharing: Number of simultaneous runs on one GPU, or on a machine's CPUs if it has no GPU.

    Raises:
        ImportError: If Ray is not installed.
        ValueError: If the cluster cannot be reached, or no run fits into it.
    """

    def __init__(
        self, address: str = HERE, gpus: float | None = None, cpus: int | None = None
    ) -> None:
        self._ray = import_ray()
        local = dict(num_cpus=cpus, include_dashboard=False) if address == HERE else {}
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
        except ConnectionError as error:
            raise ValueError(
                f"There is no Ray cluster at {address}: {error} Start one by `ray start --head`, "
                "or give --ray without an address."
            ) from error
        has = self._ray.cluster_resources()
        self.gpus = gpus if gpus is not None else float(has.get("GPU", 0) > 0)
        places = has.get("CPU", 0)
        if self.gpus:
            places = min(places, has.get("GPU", 0) / self.gpus)
        self.places = int(places)
        self.sharing = ceil(1 / self.gpus) if self.gpus else self.places
        if not self.places:
            raise ValueError(
                f"A run needs 1 CPU and {self.gpus:g} GPUs, and the cluster at {address} has "
                f"{has.get('CPU', 0):g} and {has.get('GPU', 0):g}."
            )
        # A node's worker need not import mmkd, and with it torch, to start a process.
        self._ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        self._task = self._ray.remote(run_command).options(
            num_cpus=1,
            num_gpus=self.gpus,
            max_retries=RETRIES,
            retry_exceptions=[ChildProcessError],
        )

    def start(self, command: list[str], log: Path) -> Job:
        """Start a command whose output goes to a file."""
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        words = [word if word != sys.executable else "" for word in command]
        path = str(log.absolute())
        return RayJob(self._ray, self._task.remote(words, path, os.getcwd(), passed), log)


class RayJob:
    """Command that runs as a task of Ray, as :class:`subprocess.Popen` sees one.

    Args:
        ray: The package.
        task: Reference to the task's result, the exit code.
        log: File of the command's output; if Ray gives a task up, the error is written to it.
    """

    def __init__(self, ray: Any, task: Any, log: Path) -> None:
        self._ray, self._task, self._log = ray, task, log

    def poll(self) -> int | None:
        """Return the exit code, or ``None`` while the task waits or runs."""
        done, _ = self._ray.wait([self._task], timeout=0)
        return self.wait() if done else None

    def terminate(self) -> None:
        """Cancel the task, which ends its process."""
        self._ray.cancel(self._task)

    def wait(self) -> int:
        """Wait for the task's end and return its exit code, or 1 if Ray gave the task up."""
        try:
            return int(self._ray.get(self._task))
        except self._ray.exceptions.RayError as error:
            with open(self._log, "a") as log:
                log.write(f"\nRay gave this run up: {getattr(error, 'cause', error)}\n")
            return 1


def run_command(command: list[str], log: str, folder: str, environment: dict[str, str]) -> int:
    """Run a command on a node, and return its exit code.

    An empty word of the command stands for the node's Python interpreter.

    Raises:
        ChildProcessError: If a signal ended the process, as the kernel does when memory runs out.
    """
    words = [word or sys.executable for word in command]
    with open(log, "w") as file:
        process = subprocess.Popen(
            words,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **environment},
        )
    try:
        # Ray interrupts a cancelled task between these calls; it could not interrupt `wait`.
        while (code := process.poll()) is None:
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait()
    if code < 0:
        raise ChildProcessError(f"{signal.Signals(-code).name} ended {' '.join(words)}")
    return code


def import_ray() -> Any:
    """Import Ray.

    Raises:
        ImportError: If it is not installed.
    """
    # Ray sends usage statistics to its developers unless this is set before it starts.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ImportError(
            "--ray needs Ray: pip install 'mmkd[cluster]', or pip install ray. Without it, --jobs "
            "N trains N runs at a time on this machine."
        ) from error
    return ray
