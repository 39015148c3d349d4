"""docs/add_a_method.md: its files are written out, tested and trained by the page's commands."""

import importlib
import inspect
import json
import re
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import pytest
from tool_runs import FEW_IMAGES, ROOT, run_shell

TEXT = (ROOT / "docs/add_a_method.md").read_text()
FILES = dict(re.findall(r"```python\n# file: (\S+)\n(.*?)```", TEXT, re.DOTALL))
PYTEST, TRAIN, TRAIN_WEIGHED = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the page's files, beside a checkout of mmkd."""
    place = tmp_path_factory.mktemp("add_a_method")
    (place / "mmkd").symlink_to(ROOT)
    for name, content in FILES.items():
        path = place / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return place / "mine"


def trains(commands: str, folder: Path, work_dir: str) -> list[dict[str, float]]:
    """Run the page's training commands on few images; return the log of the last one's steps."""
    start, *commands = commands.replace("\\\n", " ").splitlines()
    for command in commands:
        # The student waits for the last epoch of its teacher.
        few = [o for o in FEW_IMAGES if not ("teacher" in command and "max_epochs" in o)]
        option = "" if "--cfg-options" in command else "--cfg-options"
        run_shell(" ".join([f"{start}\n{command}", option, *few]), folder)
    [log] = (folder / "work_dirs" / work_dir).glob("*/vis_data/scalars.json")
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return [record for record in records if "loss" in record]


def test_a_method_is_one_source_file_one_config_and_one_test() -> None:
    names = [f"my_project/{name}.py" for name in ("hellinger_loss", "hellinger_digits")]
    assert [*FILES] == [*names, "my_project/test_hellinger_loss.py"]


@pytest.mark.slow
def test_the_pages_test_passes(folder: Path) -> None:
    assert "5 passed" in run_shell(PYTEST, folder)


def test_the_base_classes_have_what_the_page_says() -> None:
    rows = re.findall(r"^\| [^|]+ \| `(mmkd\.[\w.]+)` \| `(\w+)`", TEXT, re.MULTILINE)
    assert len(rows) == 8
    for path, method in rows:
        module, _, name = path.rpartition(".")
        base = getattr(importlib.import_module(module), name)
        # Those that have a default are no abstract methods.
        assert (
            method in base.__abstractmethods__
            if inspect.isabstract(base)
            else hasattr(base, method)
        )


@pytest.mark.slow
def test_the_pages_config_trains(folder: Path) -> None:
    steps = trains(TRAIN, folder, "hellinger_digits")
    assert [step["iter"] for step in steps] == [1, 2]
    # 0.9 is the term's weight, 16 the squared temperature.
    assert all(0 < step["loss_kd"] < 0.9 * 16 for step in steps)
    weighed = trains(TRAIN_WEIGHED, folder, "er_hellinger_digits")
    assert weighed[0]["loss_kd"] != pytest.approx(steps[0]["loss_kd"], rel=1e-3)
