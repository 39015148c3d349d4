"""docs/entropy.md and docs/fidelity.md: links, names of parts, and the example."""

import re

import pytest
import torch
from tool_runs import ROOT

from mmkd.registry import HOOKS, MODELS

PAGES = ("entropy.md", "fidelity.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_names_to_parts(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert len(links) > 5
    assert not [link for link in links if not (ROOT / "docs" / link).is_file()]
    MODELS.import_from_location()
    HOOKS.import_from_location()
    names = set(re.findall(r"mmkd\.([A-Z]\w+)", text))
    assert not names - {*MODELS.module_dict, *HOOKS.module_dict}


def test_what_has_the_option_is_in_the_table_and_the_other_way_round() -> None:
    text = (ROOT / "docs/fidelity.md").read_text()
    listed = set(re.findall(r"^\| `mmkd\.(\w+)`", text, re.MULTILINE))
    sources = [path.read_text() for path in (ROOT / "mmkd").rglob("*.py")]
    having = set()
    for source in sources:
        for name, body in re.findall(
            r"^class (\w+)\(.*?\):\n(.*?)(?=^class |\Z)", source, re.S | re.M
        ):
            if "released_code: bool" in body and name in MODELS.module_dict:
                having.add(name)
    assert listed == having


def test_the_pages_example_runs() -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/entropy.md").read_text(), re.DOTALL)
    found: dict[str, torch.Tensor] = {}
    exec(code, found)
    assert found["weight"].shape == (4, 16)
    assert not found["weight"][:, 12:].any()
    assert found["loss"] > 0
    assert found["gated"] > 0
