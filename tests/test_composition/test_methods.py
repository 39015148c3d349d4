"""Files of methods. Those of the project are tested in test_configs."""

from pathlib import Path

import pytest

from mmkd.composition import read_method
from mmkd.engine.launch import ArgumentError


def test_a_file_of_ones_own_is_a_method(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "method = dict(roi=dict(model=dict(terms=dict(a=dict(weight=2.0)))))\n"
        "options = dict(weight='model.terms.a.weight', both=['model.x', 'model.terms.a.weight'])\n"
    )
    method = read_method(str(path))
    assert method.name == "mine"
    assert method.keys("weight", "roi") == ["model.terms.a.weight"]
    assert method.default("weight", "roi") == 2.0
    assert method.keys("both", "roi") == ["model.terms.a.weight"]
    path.write_text("x = 1\n")
    with pytest.raises(ArgumentError, match="is no file of a method"):
        read_method(str(path))


def test_a_kind_without_settings_of_its_own_has_those_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    dense = "dense=dict(model=dict(terms=dict(a=dict(weight=2.0))))"
    path.write_text(f"method = dict({dense})\noptions = dict(weight='model.terms.a.weight')\n")
    method = read_method(str(path))
    assert method.variant("distributions") == method.variant("dense")
    assert method.default("weight", "distributions") == 2.0
    own = "distributions=dict(model=dict(terms=dict(a=dict(weight=3.0))))"
    path.write_text(f"method = dict({dense}, {own})\n")
    terms = read_method(str(path)).variant("distributions")["model"]["terms"]
    assert terms["a"]["weight"] == 3.0
    path.write_text("method = dict(roi=dict(model=dict(terms=dict(a=dict(weight=2.0)))))\n")
    with pytest.raises(ArgumentError, match="is not for one-stage detectors that give boxes as"):
        read_method(str(path)).variant("distributions")
