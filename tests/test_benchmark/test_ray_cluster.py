"""Runs as tasks of Ray, on this machine."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmkd.benchmark.ray_cluster import RayCluster, import_ray
from mmkd.benchmark.runs import Run
from mmkd.benchmark.training import train_all

TRAIN = """
import json, os, signal, sys
from pathlib import Path

config, _, folder = sys.argv[1:4]
tries = Path(folder) / "tries"
tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
name = Path(folder).name
if name == "broken":
    sys.exit("the reason")
if name == "killed" and len(tries.read_text()) < 2:
    os.kill(os.getpid(), signal.SIGKILL)
log = Path(folder) / "20260101_000000/vis_data/scalars.json"
log.parent.mkdir(parents=True)
lines = [dict(loss=1.0, time=0.1, step=1), {"accuracy/top1": 10.0, "step": 1}]
log.write_text("\\n".join(map(json.dumps, lines)))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    ray = pytest.importorskip("ray", reason="ray is one of requirements/cluster.txt")
    yield RayCluster(cpus=2)
    ray.shutdown()


@pytest.mark.slow
def test_killed_runs_are_repeated_failed_ones_are_not_and_finished_ones_stay(
    cluster: RayCluster, tmp_path: Path
) -> None:
    assert (cluster.places, cluster.gpus, cluster.sharing) == (2, 0, 2)
    (tmp_path / "config.py").write_text("train_cfg = dict(max_epochs=1)\n")
    (tmp_path / "train.py").write_text(TRAIN)
    runs = {
        name: Run(name, str(tmp_path / "config.py"), tmp_path / name)
        for name in ("well", "killed", "broken")
    }
    lines, words = list[str](), list[str]()
    for _ in range(2):
        train_all(
            runs.values(),
            tmp_path / "train.py",
            cluster.places,
            lines.append,
            start=cluster.start,
            failed=lambda error: words.append(str(error)),
        )
    tries = {name: (run.work_dir / "tries").read_text() for name, run in runs.items()}
    assert tries == {"well": "x", "killed": "xx", "broken": "xx"}  # one of each call
    assert "well: epoch 1 of 1, accuracy 10.0 %" in lines
    assert "well: finished before" in lines
    assert json.loads((runs["killed"].work_dir / "finished.json").read_text())["seconds"] > 0
    assert len(words) == 2
    assert all("the reason" in one for one in words)


@pytest.mark.slow
def test_a_stopped_task_leaves_no_process(cluster: RayCluster, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    code = "import os, time; print(os.getpid(), os.getcwd(), flush=True); time.sleep(60)"
    job = cluster.start([sys.executable, "-c", code], log)
    while not (log.exists() and "\n" in log.read_text()):
        assert job.poll() is None
        time.sleep(0.1)
    process, folder = log.read_text().split()
    assert folder == os.getcwd()
    job.terminate()
    assert job.wait() == 1
    assert "was cancelled" in log.read_text()
    for _ in range(50):
        if not os.path.exists(f"/proc/{process}"):
            return
        time.sleep(0.1)
    pytest.fail("The process of the cancelled task still runs.")


@pytest.mark.slow
def test_a_run_that_does_not_fit_is_refused() -> None:
    ray = pytest.importorskip("ray", reason="ray is one of requirements/cluster.txt")
    ray.shutdown()
    with pytest.raises(ValueError, match=r"needs 1 CPU and 2 GPUs, and the cluster .* 0\."):
        RayCluster(gpus=2, cpus=2)
    ray.shutdown()


def test_a_missing_ray_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'mmkd\[cluster\]'.*--jobs"):
        import_ray()
