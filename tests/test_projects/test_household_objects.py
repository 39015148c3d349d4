"""A user's own detector: the commands of the project's README run, small."""

import json
import re
from pathlib import Path

import pytest
from mmengine.config import Config
from tool_runs import run_shell

pytest.importorskip("mmdet")

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "projects/household_objects"
SMALL = "--cfg-options default_hooks.checkpoint.interval=8"
SCALE = {  # what begins a command of the README: what is added to it
    "python projects/household_objects/make_data.py": "--train 4 --val 2",
    "python tools/train.py": SMALL,
}


def commands() -> list[str]:
    (block,) = re.findall(r"```bash\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    return block.replace("\\\n", " ").splitlines()


def test_drawings_differ_and_repeat(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from numpy.random import RandomState

    from projects.household_objects.drawings import DRAWN, draw

    drawn = {name: draw(name, RandomState(0)) for name in DRAWN}
    assert len({image.tobytes() for image in drawn.values()}) == 7
    for name, image in drawn.items():
        assert (draw(name, RandomState(0)) == image).all()
        assert (draw(name, RandomState(1)) != image).any()
        assert 0.02 < (image > 127).mean() < 0.8


def test_the_configs_count_the_classes_that_the_data_have(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from projects.household_objects import HouseholdDataset
    from projects.household_objects.make_data import CLASSES

    student, teacher = (
        Config.fromfile(PROJECT / f"configs/{name}.py")
        for name in ("student_household", "teacher_catalogue")
    )
    heads = [config.model.roi_head.bbox_head for config in (student, teacher)]
    assert [head.num_classes for head in heads] == [5, 6]
    assert len(HouseholdDataset.METAINFO["palette"]) == len(CLASSES["household"]) == 5
    assert tuple(teacher.classes) == CLASSES["catalogue"]
    text = (PROJECT / "README.md").read_text()
    for names in CLASSES.values():
        assert ", ".join(names) in text
    places = {name: index for index, name in enumerate(CLASSES["catalogue"])}
    assert f"class_map={[places.get(name) for name in CLASSES['household']]}" in text


@pytest.mark.slow
def test_the_readmes_commands_run(tmp_path):
    for name in ("projects", "configs", "tools", "mmkd"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = []
    for command in commands():
        added = [more for start, more in SCALE.items() if command.startswith(start)]
        script.append(" ".join([command, *added]))
    assert len(script) == 8
    shown = run_shell("\n".join(script), tmp_path)
    assert "has 4 of the student's 5 classes; it lacks lampshade" in shown
    assert "The config needs no mmkd" in shown
    labels = json.loads(
        (tmp_path / "data/household/annotations/instances_val2017.json").read_text()
    )
    assert {category["name"] for category in labels["categories"]} >= {"bath_towel", "lampshade"}
    assert len(list((tmp_path / "work_dirs/roi_weights").glob("*_kd.png"))) == 1
