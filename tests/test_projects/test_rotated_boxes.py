"""Detectors of mmrotate: the project's drawings, and the commands of its README, small."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "projects/rotated_boxes"
FEW = "--cfg-options train_cfg.max_epochs=1 train_cfg.val_interval=1 param_scheduler.1.end=1"
SCALE = {  # what begins a command of the README: what is added to it
    "python projects/rotated_boxes/make_data.py": "--train 4 --val 2",
    "python tools/train.py": FEW,
}


def test_boxes_lie_around_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from projects.rotated_boxes.make_data import COLOURS, scene

    for seed in range(3):
        pixels, lines = scene(96, np.random.RandomState(seed))
        assert lines
        for line in lines:
            *corners, name, difficult = line.split()
            centre = np.array(corners, float).reshape(4, 2).mean(0).round().astype(int)
            assert tuple(pixels[centre[1], centre[0]]) == COLOURS[name]
            assert difficult == "0"


@pytest.mark.slow
def test_the_readmes_commands_run(tmp_path: Path) -> None:
    pytest.importorskip("mmrotate")
    pytest.importorskip("faster_coco_eval")
    for name in ("projects", "configs", "tools", "mmkd"):
        (tmp_path / name).symlink_to(ROOT / name)
    (block,) = re.findall(r"```bash\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    script = ["set -e"]
    for command in block.replace("\\\n", " ").replace("epoch_8", "epoch_1").splitlines():
        added = [more for start, more in SCALE.items() if command.startswith(start)]
        script.append(" ".join([command, *added]))
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    folder = tmp_path / "work_dirs/erkd_pkd_student_harbour"
    assert (folder / "epoch_1_student.pth").is_file()
    logs = "".join(path.read_text() for path in folder.rglob("scalars.json"))
    assert "loss_kd" in logs
    assert "loss_pkd" in logs
