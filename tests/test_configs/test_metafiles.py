"""Metafiles, which mim and the model index read, agree with the configs."""

import importlib
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import yaml

ROOT = Path(__file__).parents[2]
METHODS = [path.parent for path in sorted(ROOT.glob("configs/*/literature.yml"))]
BY_FOLDER = pytest.mark.parametrize("method", METHODS, ids=lambda path: path.name)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools/docs"))
    return importlib.import_module("metafiles")


def said(method: Path) -> dict[str, Any]:
    # As text: 70.50 stays 70.50.
    content: dict[str, Any] = yaml.load((method / "literature.yml").read_text(), yaml.BaseLoader)
    return content


def test_the_index_imports_every_metafile() -> None:
    index = yaml.safe_load((ROOT / "model-index.yml").read_text())["Import"]
    folders = [*METHODS, ROOT / "configs/quickstart"]  # the quickstart's is written by hand
    assert index == sorted(str((m / "metafile.yml").relative_to(ROOT)) for m in folders)


@BY_FOLDER
def test_a_metafile_lists_the_configs_of_its_folder(method: Path) -> None:
    content = yaml.safe_load((method / "metafile.yml").read_text())
    (collection,) = content["Collections"]
    assert (ROOT / collection["README"]).is_file()
    listed = [model["Config"] for model in content["Models"]]
    assert sorted(listed) == sorted(str(p.relative_to(ROOT)) for p in method.glob("*.py"))
    assert {model["In Collection"] for model in content["Models"]} <= {collection["Name"]}
    names = [model["Name"] for model in content["Models"]]
    assert names == [f"{method.name}_{Path(config).stem}" for config in listed]
    assert collection["Name"] == said(method)["name"]


@pytest.mark.slow
def test_all_are_up_to_date(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["metafiles.py", "--check"])
    tool.main()


def test_a_changed_config_makes_its_metafile_stale(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "configs/wttm"
    shutil.copytree(ROOT / "configs/wttm", folder)
    config = folder / "vgg13_vgg8_crd_cifar100.py"
    config.write_text("train_cfg = dict(max_epochs=3)\nauto_scale_lr = dict(base_batch_size=8)\n")
    other = folder / "resnet20_resnet8_w8_fmnist8k.py"
    other.write_text(config.read_text())
    monkeypatch.setattr(sys, "argv", ["metafiles.py", "--root", str(tmp_path), "--check"])
    with pytest.raises(SystemExit, match=r"Not up to date: configs/wttm/metafile.yml, model-index"):
        tool.main()
    sys.argv.pop()
    tool.main()
    models = yaml.safe_load((folder / "metafile.yml").read_text())["Models"]
    assert models[0]["Metadata"] == {"Training Data": "CIFAR-100", "Epochs": 3, "Batch Size": 8}
    sys.argv.append("--check")
    tool.main()


def literature(method: Path) -> list[tuple[str, str]]:
    """Each number of the literature as it is written, with its config's name."""
    numbers = said(method).get("literature", {}).values()
    return [item for values in numbers for item in values.items()]


@BY_FOLDER
def test_numbers_of_the_literature_stand_in_the_readme(method: Path) -> None:
    readme = (method / "README.md").read_text()
    for name, number in literature(method):
        written = rf"(?<![\d.]){re.escape(number)}(?!\d)"
        assert re.search(written, readme), f"{name}: {number} is not in the README."


def test_there_is_literature() -> None:
    assert sum(len(literature(method)) for method in METHODS) > 200


@BY_FOLDER
def test_a_readme_names_the_paper_or_links_the_page_that_does(method: Path) -> None:
    own = (method / "README.md").read_text()
    linked = [ROOT / "configs" / name / "README.md" for name in re.findall(r"\]\(\.\./(\w+)", own)]
    texts = [own, *(path.read_text() for path in linked if path.exists())]
    title = said(method).get("paper", {}).get("title", "").lower()
    assert any(title in " ".join(re.sub(r"\n> ?", " ", t).split()).lower() for t in texts)
