"""The pages of docs/papers: their configs build with each option, their commands exist."""

import os
import re
import shlex
import subprocess
from argparse import ArgumentParser
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import pytest
from mmengine.config import Config, DictAction

from mmkd.distillers import Distiller
from mmkd.registry import MODELS

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/papers").glob("*.md"))
OPTION = re.compile(r"^\| `((?:model|optim_wrapper)\.[^`]+)` \|", re.MULTILINE)


def examples() -> dict[str, tuple[str, list[str]]]:
    """Return the configs of the pages, each with the options in the table below it."""
    found = {}
    for page in PAGES:
        _, *parts = page.read_text().split("```python\n")
        for number, part in enumerate(parts):
            code, text = part.split("```", 1)
            found[f"{page.stem}-{number}"] = code, OPTION.findall(text)
    return found


def given(script: str, *names: str, folder: Path) -> list[str]:
    """Run a script of tools/docs, and return what it gives to Python in place of running it."""
    stand_in = folder / "python"
    stand_in.write_text("#!/usr/bin/env bash\nprintf '%s\\n' \"$@\"\n")
    stand_in.chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    call = ["bash", str(ROOT / "tools/docs" / script), *names]
    done = subprocess.run(call, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def check_options(words: list[str]) -> None:
    source = (ROOT / words[0]).read_text()
    assert not [word for word in words if word.startswith("--") and f'"{word}"' not in source]


def build(config: Config) -> Distiller:
    settings = config.model.to_dict()
    for teacher in settings.get("teachers", {0: settings.get("teacher")}).values():
        teacher["checkpoint"] = None
    settings["data_preprocessor"] = config.data_preprocessor.to_dict()
    distiller: Distiller = MODELS.build(settings)
    return distiller


EXAMPLES = examples()


def test_each_paper_has_a_page_with_a_config_and_options() -> None:
    assert {key.rpartition("-")[0] for key in EXAMPLES} == {
        "demkd",
        "dynamickd",
        "erkd",
        "preparing_lessons",
    }
    assert all(options for _, options in EXAMPLES.values())


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_a_config_builds_with_each_of_its_options(example: str, tmp_path: Path) -> None:
    code, options = EXAMPLES[example]
    (tmp_path / "my_config.py").write_text(code)
    parser = ArgumentParser()
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, default={})
    plain = build(Config.fromfile(tmp_path / "my_config.py"))
    for option in options:
        config = Config.fromfile(tmp_path / "my_config.py")
        before = str(config)
        config.merge_from_dict(
            parser.parse_args(["--cfg-options", *shlex.split(option)]).cfg_options
        )
        assert str(config) != before, f"{option} is what the config has already"
        if option.startswith("model."):
            assert build(config).terms.keys() == plain.terms.keys()


def test_the_runs_are_trained_by_options_that_exist(tmp_path: Path) -> None:
    words = given("train_papers.sh", "one.py", "two.py", folder=tmp_path)
    check_options(words)
    assert words[words.index("--methods") + 1 :][:2] == ["one.py", "two.py"]


def test_figures_are_drawn_from_the_folder_that_the_runs_are_trained_into(tmp_path: Path) -> None:
    words = given("train_papers.sh", "one.py", folder=tmp_path)
    folder = words[words.index("--work-dir") + 1]
    samples = given("draw_figures.sh", "erkd_weights", folder=tmp_path)
    curves = given("draw_figures.sh", "dtd_curves", folder=tmp_path)
    run = f"{folder}/erkd_seed0"
    # A member of a cohort has its student's checkpoint and none of the whole run.
    assert samples[1:3] == [f"{run}/resnet20_resnet8_w8_fmnist8k.py", f"{run}/epoch_10_student.pth"]
    assert f"FLSW={folder}/dtd_flsw_seed0" in curves


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_figures_are_small_and_have_a_command(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    figures = re.findall(r"!\[[^\]]+\]\(([^)]+)\.png\)", text)
    assert bool(figures) == (page.stem != "README")
    drawn = " ".join(re.findall(r"tools/docs/draw_figures.sh (.*)", text)).split()
    assert figures == drawn
    for figure in figures:
        assert (page.parent / f"{figure}.png").stat().st_size < 300_000
        words = given("draw_figures.sh", figure, folder=tmp_path)
        check_options(words)
        assert words[words.index("--out") + 1] == f"docs/papers/{figure}.png"


def test_the_rois_of_the_page_on_detection_are_drawn_by_the_same_script(tmp_path: Path) -> None:
    assert "draw_figures.sh roi_weights" in (ROOT / "docs/detection.md").read_text()
    words = given("draw_figures.sh", "roi_weights", folder=tmp_path)
    assert words[0] == "tools/analysis_tools/draw_roi_weights.py"
    check_options(words[: words.index("--cfg-options")])
