"""docs/your_teacher.md: its code, and its commands on real digits with teachers of timm."""

import re
from pathlib import Path

import pytest
from tool_runs import ROOT, run_tool

TEXT = (ROOT / "docs/your_teacher.md").read_text()
FILES = dict(re.findall(r"```python\n# file: (\S+)\n(.*?)```", TEXT, re.DOTALL))
(COMMANDS,) = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
FEW = ["train_dataloader.dataset.indices=64", "val_dataloader.dataset.indices=32"]


def test_the_pages_python_runs() -> None:
    (code,) = re.findall(r"```python\n(import torch.*?)```", TEXT, re.DOTALL)
    scope: dict[str, object] = {}
    exec(code, scope)
    assert scope["student"][0].weight.grad.abs().sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_the_pages_commands_run(number: int, tmp_path: Path) -> None:
    pytest.importorskip("timm")
    (tmp_path / "my_student.py").write_text(FILES["my_student.py"])
    command = COMMANDS.replace("\\\n", " ").splitlines()[number]
    _, tool, *words = command.split()
    done = run_tool(Path(tool).name, *words, *FEW, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert ("loss_kd" if number == 0 else "loss_vkd") in done.stdout
    assert [*tmp_path.glob("work_dirs/*/epoch_1_student.pth")]
