"""tools/model_converters/mdistiller2mmkd.py: from published checkpoints, and back to them."""

import re
import runpy
import sys
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from published import REFERENCE, build, images, published, settings
from tool_runs import ROOT, run_tool
from torch import Tensor

from mmkd.distillers import Distiller
from mmkd.models import published_keys

CONVERT = "model_converters/mdistiller2mmkd.py"


@pytest.fixture
def convert(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the tool in this process and return what it printed."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["mdistiller2mmkd.py", *map(str, arguments)])
        runpy.run_path(str(ROOT / "tools" / CONVERT), run_name="__main__")
        return capsys.readouterr().out

    return run


def numbered(name: str) -> "OrderedDict[str, Tensor]":
    """Published entries of a network: its shapes, and in each another number.

    A tensor that repeats one number takes a few bytes in the file, however large it is.
    """
    with torch.device("meta"):
        entries = published_keys(build(name).state_dict())
    return with_numbers(entries)


def with_numbers(entries: dict[str, Tensor]) -> "OrderedDict[str, Tensor]":
    return OrderedDict(
        (key, torch.tensor(index).to(value.dtype).expand(value.shape))
        for index, (key, value) in enumerate(entries.items())
    )


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCE)
def test_every_network_there_and_back(name: str, convert: Any, tmp_path: Path) -> None:
    source, here, back = (tmp_path / part for part in ("a.pth", "new/b.pth", "c.pth"))
    entries = numbered(name)
    # What the released training code saves beside the weights.
    extra = dict(epoch=240, best_acc=np.float32(75.61), optimizer=dict(state={}, param_groups=[]))
    torch.save(dict(model=entries, **extra), source)
    assert f"{len(entries)} entries, 100 classes" in convert(source, here)
    converted = torch.load(here, weights_only=True)
    assert list(converted) == ["state_dict"]
    with torch.device("meta"):
        model = build(name)
    model.load_state_dict(converted["state_dict"], strict=True, assign=True)
    convert(here, back, "--reverse")
    returned = torch.load(back, weights_only=True)
    assert list(returned) == ["model"]
    assert same(returned["model"], entries)


def test_imagenets_student_there_and_back(convert: Any, tmp_path: Path) -> None:
    """MobileNetV1, whose published keys are ``model.*`` and ``fc.*``."""
    config = Config.fromfile(ROOT / "configs/_base_/models/imagenet/mobilenet_v1.py").model
    with torch.device("meta"):
        model = MODELS.build(config)
    entries = with_numbers(published_keys(model.state_dict()))
    assert list(entries) == [*model.backbone.state_dict(), "fc.weight", "fc.bias"]
    assert next(iter(entries)) == "model.0.0.weight"
    torch.save(dict(model=entries), tmp_path / "a.pth")
    assert "1000 classes, published head 'fc'" in convert(tmp_path / "a.pth", tmp_path / "b.pth")
    convert(tmp_path / "b.pth", tmp_path / "c.pth", "--reverse")
    assert same(torch.load(tmp_path / "c.pth", weights_only=True)["model"], entries)


@pytest.mark.parametrize("form", ["bare", "module.", "state_dict", "legacy", "before 0.4.1"])
def test_forms_in_which_checkpoints_are_found(form: str, convert: Any, tmp_path: Path) -> None:
    entries = {key: value.clone() for key, value in numbered("wrn_16_1").items()}
    saved: Any = dict(entries)
    if form == "module.":
        saved = dict(model={f"module.{key}": value for key, value in entries.items()})
    elif form == "state_dict":
        saved = dict(state_dict=entries)
    elif form == "before 0.4.1":
        saved = {k: v for k, v in entries.items() if not k.endswith("num_batches_tracked")}
        entries.update({k: torch.tensor(0) for k in entries if k not in saved})
    torch.save(saved, tmp_path / "a.pth", _use_new_zipfile_serialization=form != "legacy")
    convert(tmp_path / "a.pth", tmp_path / "b.pth")
    convert(tmp_path / "b.pth", tmp_path / "c.pth", "--reverse")
    assert same(torch.load(tmp_path / "c.pth", weights_only=True)["model"], entries)


@torch.no_grad()
def test_a_teacher_takes_the_converted_file(tmp_path: Path) -> None:
    name = "ShuffleV2"
    expected = REFERENCE[name]
    entries = published(build(name))
    torch.save(dict(model=entries), tmp_path / "a.pth")
    done = run_tool(CONVERT, "a.pth", "b.pth", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(
        f"Wrote b.pth: {len(entries)} entries, 100 classes, published head 'linear'.\n"
    )
    distiller = Distiller(
        student=settings("resnet8"),
        teacher=dict(model=settings(name), checkpoint=tmp_path / "b.pth"),
        input_shape=(3, 32, 32),
        terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss"))),
    )
    network = distiller.teachers["teacher"].network.eval()
    logits = network(images(expected), mode="tensor")[:, :10]
    assert torch.allclose(logits, torch.tensor(expected["logits"]), rtol=1e-4, atol=1e-6)


def test_more_than_tensors_is_read_only_if_trusted(convert: Any, tmp_path: Path) -> None:
    """RepDistiller's students are saved with their command line, an argparse.Namespace."""
    entries = numbered("resnet8")
    torch.save(dict(model=entries, opt=Namespace(lr=0.05)), tmp_path / "a.pth")
    with pytest.raises(SystemExit, match=r"--trust-checkpoint.*argparse\.Namespace"):
        convert(tmp_path / "a.pth", tmp_path / "b.pth")
    assert not (tmp_path / "b.pth").exists()
    convert(tmp_path / "a.pth", tmp_path / "b.pth", "--trust-checkpoint")
    assert len(torch.load(tmp_path / "b.pth", weights_only=True)["state_dict"]) == len(entries)


@pytest.mark.parametrize(
    ("saved", "options", "words"),
    [
        (dict(model=dict(epoch=240)), [], "holds no weights"),
        ([1, 2], [], "holds no weights"),
        ({"conv1.weight": torch.ones(1)}, [], "one classifying layer of fc, linear"),
        ({"conv1.weight": torch.ones(1)}, ["--reverse"], "not of a classifier on one of mmkd's"),
        ({"head.fc.weight": torch.ones(1)}, [], "of a classifier built here already"),
        (b"no checkpoint", [], "is no checkpoint"),
        (b"", [], "cannot be read as a checkpoint|is no checkpoint"),
        (None, [], "a.pth"),
    ],
)
def test_says_what_it_cannot_convert(
    saved: Any, options: list[str], words: str, convert: Any, tmp_path: Path
) -> None:
    source = tmp_path / "a.pth"
    if isinstance(saved, bytes):
        source.write_bytes(saved)
    elif saved is not None:
        torch.save(saved, source)
    with pytest.raises(SystemExit, match=words) as error:
        convert(source, tmp_path / "b.pth", *options)
    assert str(source) in str(error.value)
    assert not (tmp_path / "b.pth").exists()


def test_what_it_will_not_write_to(convert: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.pth"
    torch.save(dict(model=numbered("resnet8")), source)
    content = source.read_bytes()
    with pytest.raises(SystemExit, match=re.escape(f"{source} is the file to read")):
        convert(source, source)
    with pytest.raises(SystemExit, match=re.escape(f"{tmp_path} is a folder")):
        convert(source, tmp_path)
    assert source.read_bytes() == content
