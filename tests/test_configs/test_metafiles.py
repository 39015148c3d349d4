"""Metafiles, from which mim and the model index read, agree with the configs."""

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
