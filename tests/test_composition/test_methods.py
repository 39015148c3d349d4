"""The files of methods."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mmkd.composition import method_names, read_method
from mmkd.composition.kinds import KINDS
from mmkd.engine.launch import ArgumentError


def has(settings: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(settings, Mapping) or part not in settings:
            return False
        settings = settings[part]
    return True


@pytest.mark.parametrize("name", method_names())
def test_a_method_has_terms_for_known_kinds_and_options_that_exist(name: str) -> None:
    method = read_method(name)
    assert method.variants.keys() <= KINDS.keys()
    assert method.variants
    for option, keys in method.options.items():
        for key in keys:  # it may have its default, but what has it is there
            part = key.rpartition(".")[0]
            assert any(has(variant, part) for variant in method.variants.values()), option


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
