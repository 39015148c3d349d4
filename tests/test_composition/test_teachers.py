"""Teachers in the form of the command line."""

from pathlib import Path

import pytest

from mmkd.composition import parse_teacher
from mmkd.composition.teachers import teacher_settings
from mmkd.engine.launch import ArgumentError

RESNET = "mmpretrain::resnet/resnet34_8xb32_in1k.py"


def test_config_checkpoint_and_name() -> None:
    choice = parse_teacher([f"big={RESNET}", "https://host/a.pth"])
    assert (choice.name, choice.model, choice.checkpoint) == ("big", RESNET, "https://host/a.pth")
    assert parse_teacher([RESNET, "random"]).checkpoint is None


def test_published_weights_are_the_default() -> None:
    assert "resnet34_8xb32_in1k" in str(parse_teacher([RESNET]).checkpoint)


def test_files_are_named_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The composed config lies in another folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "a.pth"):
        Path(name).touch()
    choice = parse_teacher(["a.py", "a.pth"])
    assert (choice.model, choice.checkpoint) == (str(tmp_path / "a.py"), str(tmp_path / "a.pth"))
    with pytest.raises(ArgumentError, match="has no checkpoint"):
        parse_teacher(["a.py"])


@pytest.mark.parametrize(
    ("words", "text"),
    [(["nowhere.py"], "There is no config nowhere.py"), ([RESNET, "a", "b"], "not 3 words")],
)
def test_mistakes(words: list[str], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        parse_teacher(words)


def test_two_of_one_name_are_refused() -> None:
    choice = parse_teacher([f"a={RESNET}", "random"])
    with pytest.raises(ArgumentError, match="same name"):
        teacher_settings([choice, choice])
