"""tools/dataset_tools/make_scenes_coco.py."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from make_fashion_mnist import write_fashion_mnist
from tool_runs import ROOT

pytest.importorskip("pycocotools")

SCRIPT = ROOT / "tools/dataset_tools/make_scenes_coco.py"


def make(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["make_scenes_coco.py", *map(str, arguments)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def labels(folder: Path, split: str = "train") -> dict:
    return json.loads((folder / f"annotations/instances_{split}2017.json").read_text())


def test_it_writes_cocos_files(tmp_path: Path, monkeypatch, capsys) -> None:
    out = tmp_path / "new/scenes"
    make(monkeypatch, out, "--train", 3, "--val", 2)
    assert {path.name for path in out.iterdir()} == {"annotations", "train2017", "val2017"}
    for split, count in (("train", 3), ("val", 2)):
        content = labels(out, split)
        names = {image["file_name"] for image in content["images"]}
        assert names == {path.name for path in (out / f"{split}2017").iterdir()}
        assert len(names) == count
        assert content["categories"][0] == dict(id=1, name="zero")
        assert content["categories"][-1] == dict(id=14, name="nine")
    assert "train2017: 3 images" in capsys.readouterr().out


def test_only_the_first_classes(tmp_path: Path, monkeypatch) -> None:
    make(monkeypatch, tmp_path / "out", "--train", 5, "--val", 1, "--classes", 2)
    content = labels(tmp_path / "out")
    assert [each["name"] for each in content["categories"]] == ["zero", "one"]
    assert {each["category_id"] for each in content["annotations"]} == {1, 2}


def test_scenes_of_validation_are_of_test_images_alone() -> None:
    read_objects = runpy.run_path(str(SCRIPT))["read_objects"]
    train, test = (read_objects("digits", split, 10, False) for split in ("train", "test"))
    assert (len(train.images), len(test.images)) == (1297, 500)
    assert not {i.tobytes() for i in train.images} & {i.tobytes() for i in test.images}


def test_each_split_is_made_of_its_own_objects(tmp_path: Path, monkeypatch) -> None:
    import mmkd.datasets.scenes as scenes

    counts = {}

    def write_split(folder: Path, split: str, objects: scenes.Objects, *_: int) -> dict:
        counts[split] = len(objects.images)
        return {}

    monkeypatch.setattr(scenes, "write_split", write_split)
    make(monkeypatch, tmp_path / "out")
    assert counts == dict(train=1297, val=500)


def test_clothes(tmp_path: Path, monkeypatch) -> None:
    write_fashion_mnist(tmp_path / "data/fashion_mnist", seed=0)
    monkeypatch.chdir(tmp_path)
    make(monkeypatch, "out", "--images", "fashion-mnist", "--train", 2, "--val", 1)
    assert labels(tmp_path / "out")["categories"][9]["name"] == "Ankle boot"


def test_under_cocos_names(tmp_path: Path, monkeypatch) -> None:
    mmdet = pytest.importorskip("mmdet.datasets")
    make(monkeypatch, tmp_path / "out", "--train", 8, "--val", 1, "--coco-names")
    content = labels(tmp_path / "out")
    names = [category["name"] for category in content["categories"]]
    assert names == list(mmdet.CocoDataset.METAINFO["classes"])
    assert content["categories"][-1]["id"] == 90
    used = {annotation["category_id"] for annotation in content["annotations"]}
    eighths = {category["id"] for category in content["categories"][::8]}
    assert used <= eighths


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--train", "0"], "--train must be at least 1"),
        (["--val", "-2"], "--val must be at least 1"),
        (["--size", "20"], "at least 64 pixels"),
        (["--seed", "-1"], "--seed must be from 0"),
        (["--classes", "0"], "--classes must be from 1 to 10"),
        (["--classes", "4", "--coco-names"], "all of them with --coco-names"),
    ],
)
def test_bad_arguments_are_told(tmp_path: Path, monkeypatch, arguments, words) -> None:
    with pytest.raises(SystemExit, match=words):
        make(monkeypatch, tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_what_exists_is_not_touched(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(SystemExit, match="exists already"):
            make(monkeypatch, out)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
