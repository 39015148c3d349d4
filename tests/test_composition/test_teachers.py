"""Teachers in the form of the command line."""

from pathlib import Path
from zipfile import ZipFile

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
    ("second", "checkpoint", "pretrained"),
    [("pretrained", None, True), ("random", None, False), ("a.pth", "a.pth", False)],
)
def test_a_network_of_another_library(
    second: str, checkpoint: str | None, pretrained: bool
) -> None:
    choice = parse_teacher(["big=timm:resnet18", second])
    assert choice.name == "big"
    assert choice.settings() == dict(
        model="timm:resnet18", checkpoint=checkpoint, pretrained=pretrained
    )


def test_weights_of_a_library_are_loaded_only_if_asked() -> None:
    with pytest.raises(ArgumentError, match="--teacher timm:resnet18 pretrained"):
        parse_teacher(["timm:resnet18"])


def test_a_folder_and_a_program_bring_their_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vit").mkdir()
    Path("vit/model.safetensors").touch()
    assert parse_teacher(["hf:vit"]).settings() == dict(
        model=f"hf:{tmp_path}/vit", checkpoint=None, pretrained=True
    )
    with ZipFile("net.pt", "w") as archive:
        archive.writestr("net/code/__torch__.py", "")
    assert parse_teacher(["net.pt"]).settings() == dict(model=f"{tmp_path}/net.pt", checkpoint=None)
    with pytest.raises(ArgumentError, match="has its weights in it"):
        parse_teacher(["net.pt", "random"])


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
