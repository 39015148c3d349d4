"""Ends of launched tools."""

from pathlib import Path

import pytest
from tool_runs import FEW_IMAGES, ROOT, free_port, run_tool

KD = ROOT / "configs/quickstart/kd_digits.py"
# A tool, as if a user typed it, and the names of the threads that it leaves.
THREADS = """
import os, runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
names = [open(f"/proc/self/task/{thread}/comm").read() for thread in os.listdir("/proc/self/task")]
print("THREADS", *names)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize("name", ["train.py", "test.py"])
def test_no_thread_of_the_group_outlives_it(name: str, distilled: Path, tmp_path: Path) -> None:
    """One that lets go of a tensor while Python ends aborts the process, now and then."""
    checkpoint = [distilled / "epoch_1.pth"] if name == "test.py" else []
    options = ["--launcher=pytorch", "--cfg-options", "model.teacher.checkpoint=None", *FEW_IMAGES]
    script = tmp_path / "threads.py"
    script.write_text(THREADS)
    group = dict(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1")
    environment = dict(group, MASTER_PORT=str(free_port()), CUDA_VISIBLE_DEVICES="-1")
    command = (script, ROOT / "tools" / name, KD, *checkpoint, *options)
    done = run_tool(*command, cwd=tmp_path, **environment)
    threads = done.stdout.partition("THREADS ")[2].split()
    assert threads, done.stdout[-4000:]
    assert not [thread for thread in threads if "gloo" in thread]
