"""Ranges of a search, as they are written."""

import pytest
from mmengine.config import Config

from mmkd.benchmark.search_space import Range, read_range, read_space

CONFIG = Config(dict(model=dict(terms=dict(kd=dict(weight=1.0))), param_scheduler=[dict(gamma=1)]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loguniform(0.1,10)", Range("loguniform", (0.1, 10))),
        ("uniform(-1, 1e-3)", Range("uniform", (-1, 1e-3))),
        ("int(1,4)", Range("int", (1, 4))),
        ("choice(mmkd.KDLoss,None,2.5,True)", Range("choice", ("mmkd.KDLoss", None, 2.5, True))),
    ],
)
def test_ranges_are_read_as_cfg_options_reads_values(text: str, expected: Range) -> None:
    found = read_range(text)
    assert found == expected
    assert read_range(str(found)) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("normal(0,1)", "is no range: write uniform"),
        ("loguniform(0,1)", "LOW < HIGH above 0"),
        ("uniform(2,1)", "needs LOW < HIGH"),
        ("int(1,2.5)", "two whole numbers"),
        ("uniform(a,b)", "two numbers"),
        ("choice(1)", "two values or more"),
        ("choice(1,2,1)", "each once"),
    ],
)
def test_wrong_ranges_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_range(text)


def test_keys_may_be_defaults_but_not_unknown_parts() -> None:
    texts = ["model.terms.kd.temperature=uniform(1,8)", "param_scheduler.0.gamma=uniform(0,1)"]
    assert [*read_space(texts, CONFIG)] == [text.partition("=")[0] for text in texts]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["model.term.kd.weight=int(1,2)"], "no 'term' of the searched .* Did you mean 'terms'"),
        (["model.terms.kd.weight.x=int(1,2)"], "is inside a value, 1.0"),
        (["param_scheduler.3.gamma=int(1,2)"], "no '3'"),
        (["a=int(1,2)", "a=int(1,3)"], "searched twice"),
        (["a"], "is no KEY=RANGE"),
        ([], "Nothing is searched"),
    ],
)
def test_wrong_keys_are_refused(texts: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_space(texts, CONFIG)
