"""The README's examples work as they are printed."""

import re
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from mmengine.config import Config

from mmkd.registry import MODELS

ROOT = Path(__file__).parents[2]
FOUND = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("configs/**/*.md")]
PAGES = [page for page in FOUND if ROOT / "docs/generated" not in page.parents]


def test_the_example_builds_and_computes_a_loss(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "my_config.py").write_text(example)
    config = Config.fromfile(tmp_path / "my_config.py")
    assert config.custom_imports.imports == ["mmkd"]
    config.model.teacher.checkpoint = None
    model = MODELS.build(dict(config.model, data_preprocessor=config.data_preprocessor))
    from mmpretrain.structures import DataSample

    data = dict(
        inputs=torch.zeros(2, 3, 64, 64, dtype=torch.uint8),
        data_samples=[DataSample().set_gt_label(i) for i in range(2)],
    )
    losses = model(**model.data_preprocessor(data, True), mode="loss")
    assert set(losses) == {"loss", "loss_kd"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_and_configs_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    named = re.findall(r"(?<![\w/])(configs/[\w/]+\.py|tools/[\w/]+\.(?:py|sh))", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing
