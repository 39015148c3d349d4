"""tools/dataset_tools/mean_std.py."""

import re
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_folders import write_cinic10, write_tiny_imagenet
from tool_runs import ROOT

SCRIPT = ROOT / "tools/dataset_tools/mean_std.py"
BASE = ROOT / "configs/_base_/datasets"


@pytest.fixture
def compute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    def run(*arguments: object) -> dict[str, list[float]]:
        monkeypatch.setattr(sys, "argv", ["mean_std.py", *map(str, arguments)])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        printed = capsys.readouterr().out
        found = re.findall(r"^(mean|std)=\[(.*?)\]", printed, re.MULTILINE)
        return {name: [float(value) for value in values.split(",")] for name, values in found}

    return run


def of_files(paths: list[Path]) -> dict[str, list[float]]:
    """Return mean and deviation by NumPy, in the order R G B."""
    images = np.stack([cv2.imread(str(path)) for path in paths])[..., ::-1] / np.float64(1)
    mean, std = images.mean((0, 1, 2)), images.std((0, 1, 2))
    return {"mean": mean.round(4).tolist(), "std": std.round(4).tolist()}


def test_cinic10_in_the_preprocessors_order(tmp_path: Path, compute) -> None:
    root = write_cinic10(tmp_path)
    path = next((root / "train/cat").iterdir())
    # Blue alone, so that an order of channels shows.
    cv2.imwrite(str(path), np.full((32, 32, 3), (255, 0, 0), np.uint8))
    given = ("--cfg-options", f"train_dataloader.dataset.data_root={root}", "--workers", 2)
    found = compute(BASE / "cinic10.py", *given)
    assert found == of_files(sorted(root.glob("train/*/*.png")))
    assert found["mean"][2] > max(found["mean"][:2])


def test_of_another_split(tmp_path: Path, compute) -> None:
    root = write_tiny_imagenet(tmp_path / "tiny", classes=3, train=1, val=4)
    given = ("--cfg-options", f"val_dataloader.dataset.data_root={root}")
    found = compute(BASE / "tiny_imagenet.py", "--split", "val", *given)
    assert found == of_files(sorted(root.glob("val/images/*")))


def test_the_digits_config_has_its_data_sets_numbers(compute) -> None:
    assert compute(BASE / "digits.py") == {"mean": [4.8973], "std": [6.0262]}


def test_sums_are_exact() -> None:
    """A float32, or a naive float64, has no digits left here."""
    sums_type = runpy.run_path(str(SCRIPT))["Sums"]
    sums = sums_type(10**12, [10**12 * 128], [10**12 * 128**2 + 10**12])
    assert sums.mean == [128.0]
    assert sums.std == [1.0]
    with pytest.raises(ValueError, match="some images have 1 channels and some 3"):
        sums.add(sums_type.of(np.zeros((2, 2, 3), np.uint8)))
    with pytest.raises(ValueError, match="integer pixels, not float32"):
        sums_type.of(np.zeros((2, 2), np.float32))


def test_what_is_wrong_is_told(tmp_path: Path, compute) -> None:
    with pytest.raises(SystemExit, match=r"CINIC-10 has no images in .*download_dataset.py"):
        compute(
            BASE / "cinic10.py", "--cfg-options", f"train_dataloader.dataset.data_root={tmp_path}"
        )
    with pytest.raises(SystemExit, match=r"there is no config nothing.py"):
        compute("nothing.py")
    with pytest.raises(SystemExit, match="the config has no train_dataloader"):
        compute(ROOT / "configs/_base_/default_runtime.py")
    root = write_cinic10(tmp_path, each=1)
    next((root / "train/dog").iterdir()).write_bytes(b"no image")
    with pytest.raises(SystemExit, match=r"image 5 .*train/dog.*verify_dataset.py"):
        compute(BASE / "cinic10.py", "--cfg-options", f"train_dataloader.dataset.data_root={root}")
