"""The pages of docs/papers: their configs build with each option, their commands exist."""

import re
import shlex
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


def commands() -> list[list[str]]:
    """Return the Python commands of all pages, in words."""
    blocks = [b for p in PAGES for b in re.findall(r"```bash\n(.*?)```", p.read_text(), re.DOTALL)]
    lines = [line.strip() for b in blocks for line in b.replace("\\\n", " ").splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("python ")]


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


@pytest.mark.parametrize("command", commands(), ids=lambda words: " ".join(words[1:3]))
def test_the_options_of_a_command_are_those_of_its_tool(command: list[str]) -> None:
    source = (ROOT / command[1]).read_text()
    unknown = [word for word in command if word.startswith("--") and f'"{word}"' not in source]
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_figures_are_small_and_have_a_command(page: Path) -> None:
    text = page.read_text()
    figures = re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", text)
    assert bool(figures) == (page.stem != "README")
    for figure in figures:
        assert (page.parent / figure).stat().st_size < 300_000
        made = re.sub(r"\$\{\w+\}", "", text)  # a loop's variable stands for a part of the name
        outs = [Path(out).name for out in re.findall(r"--out (docs/papers/\S+\.png)", made)]
        assert any(figure.endswith(out) for out in outs), f"No command writes {figure}."
