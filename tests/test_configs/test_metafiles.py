"""Metafiles, from which mim and the model index read, agree with the configs."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
METHODS = [path.parent for path in sorted(ROOT.glob("configs/*/metafile.yml"))]


def test_the_index_imports_every_metafile() -> None:
    index = yaml.safe_load((ROOT / "model-index.yml").read_text())["Import"]
    assert sorted(index) == [str((m / "metafile.yml").relative_to(ROOT)) for m in METHODS]


@pytest.mark.parametrize("method", METHODS, ids=lambda path: path.name)
def test_a_metafile_lists_the_configs_of_its_folder(method: Path) -> None:
    content = yaml.safe_load((method / "metafile.yml").read_text())
    (collection,) = content["Collections"]
    assert (ROOT / collection["README"]).is_file()
    listed = [model["Config"] for model in content["Models"]]
    assert sorted(listed) == sorted(str(p.relative_to(ROOT)) for p in method.glob("*.py"))
    assert {model["In Collection"] for model in content["Models"]} == {collection["Name"]}
    names = [model["Name"] for model in content["Models"]]
    assert names == [f"{method.name}_{Path(config).stem}" for config in listed]


def literature(method: Path) -> list[tuple[str, dict[str, str]]]:
    """Each number of the literature as it is written, with its config's name."""
    # As text: 70.50 stays 70.50.
    models = yaml.load((method / "metafile.yml").read_text(), yaml.BaseLoader)["Models"]
    found = [(model["Name"], model["Metadata"].get("Literature", [])) for model in models]
    assert all(isinstance(numbers, list) for _, numbers in found)
    return [(name, number) for name, numbers in found for number in numbers]


@pytest.mark.parametrize("method", METHODS, ids=lambda path: path.name)
def test_numbers_of_the_literature_have_a_source_and_stand_in_the_readme(method: Path) -> None:
    readme = (method / "README.md").read_text()
    for name, number in literature(method):
        metric = "box AP" if name.endswith("_coco") else "Top 1 Accuracy"
        assert set(number) == {metric, "Source"}, name
        assert number["Source"], name
        assert re.fullmatch(r"\d+\.\d+", number[metric]), name
        written = rf"(?<![\d.]){re.escape(number[metric])}(?!\d)"
        assert re.search(written, readme), f"{name}: {number[metric]} is not in the README."


def test_there_is_literature() -> None:
    assert sum(len(literature(method)) for method in METHODS) > 50


@pytest.mark.parametrize("method", METHODS, ids=lambda path: path.name)
def test_a_readme_names_the_paper_or_links_the_page_that_does(method: Path) -> None:
    [collection] = yaml.safe_load((method / "metafile.yml").read_text())["Collections"]
    own = (method / "README.md").read_text()
    linked = [ROOT / "configs" / name / "README.md" for name in re.findall(r"\]\(\.\./(\w+)", own)]
    texts = [own, *(path.read_text() for path in linked if path.exists())]
    title = collection.get("Paper", {}).get("Title", "").lower()
    assert any(title in " ".join(re.sub(r"\n> ?", " ", t).split()).lower() for t in texts)
