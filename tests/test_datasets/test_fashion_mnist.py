"""Fashion-MNIST from packed and unpacked files, and from the real files if they are installed."""

from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import numpy as np
import pytest
from make_fashion_mnist import FILES, idx, write_fashion_mnist
from mmengine.config import Config

from mmkd.datasets import FashionMNIST, fashion_mnist

CONFIG = Path(__file__).parents[2] / "configs/_base_/datasets/fashion_mnist.py"
SIZES = {"train": 40, "test": 20}

needs_real_files = pytest.mark.skipif(
    not Path(fashion_mnist.DEBIAN_ROOT, "train-images-idx3-ubyte.gz").is_file(),
    reason="Debian's package dataset-fashion-mnist is not installed",
)


@pytest.fixture(params=["packed", "unpacked"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return write_fashion_mnist(tmp_path, **SIZES, packed=request.param == "packed")


def shown_by(dataset: FashionMNIST) -> list[int]:
    return [int(dataset.get_data_info(i)["img"][0, 0]) for i in range(len(dataset))]


@pytest.mark.parametrize("test_mode", [False, True])
def test_split_alone_chooses_the_images(folder: Path, test_mode: bool) -> None:
    train = FashionMNIST(str(folder), split="train", test_mode=test_mode)
    test = FashionMNIST(str(folder), split="test", test_mode=test_mode)
    assert shown_by(train) == list(range(40))
    assert shown_by(test) == list(range(100, 120))
    assert test.get_gt_labels().tolist() == list(range(10)) * 2


def test_subset_is_balanced_seeded_and_in_order(folder: Path) -> None:
    chosen = [
        shown_by(FashionMNIST(str(folder), subset=20, subset_seed=seed)) for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1] != chosen[2]
    for numbers in chosen:
        assert numbers == sorted(set(numbers))
        assert np.bincount(np.array(numbers) % 10).tolist() == [2] * 10


@pytest.mark.parametrize("subset", [0, 15, 50, -10])
def test_subset_that_cannot_be_balanced_is_refused(folder: Path, subset: int) -> None:
    with pytest.raises(ValueError, match=f"10 classes, up to 40, not {subset}"):
        FashionMNIST(str(folder), subset=subset)


def test_missing_files_are_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        FashionMNIST(str(tmp_path))
    message = str(error.value)
    assert "dataset-fashion-mnist" in message
    assert "download=True" in message
    assert "t10k-labels-idx1-ubyte.gz" in message


def test_default_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fashion_mnist, "DEBIAN_ROOT", str(folder))
    monkeypatch.setattr(fashion_mnist, "DOWNLOAD_ROOT", str(tmp_path / "nothing here"))
    assert len(FashionMNIST(split="test")) == 20


def test_truncated_file_is_refused(folder: Path) -> None:
    name = FILES["train"][0]
    for path in folder.glob(f"{name}*"):
        path.unlink()
    (folder / name).write_bytes(idx(np.zeros((40, 28, 28), np.uint8))[:-1])
    with pytest.raises(ValueError, match="should hold 31360 values and holds 31359"):
        FashionMNIST(str(folder))


def test_file_of_another_format_is_refused(folder: Path) -> None:
    name = FILES["train"][1]
    for path in folder.glob(f"{name}*"):
        path.unlink()
    (folder / name).write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="not an IDX file"):
        FashionMNIST(str(folder))


def test_images_and_labels_of_different_counts_are_refused(folder: Path) -> None:
    name = FILES["train"][1]
    for path in folder.glob(f"{name}*"):
        path.unlink()
    (folder / name).write_bytes(idx(np.zeros(39, np.uint8)))
    with pytest.raises(ValueError, match="40 train images but 39 labels"):
        FashionMNIST(str(folder))


def test_nothing_is_downloaded_unasked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(FashionMNIST, "_download", lambda self: asked.append(self.split))
    FashionMNIST(str(folder), download=True)
    assert asked == [], "the files are there"
    next(folder.glob("t10k-labels*")).unlink()
    with pytest.raises(FileNotFoundError):
        FashionMNIST(str(folder))
    assert asked == []
    with pytest.raises(FileNotFoundError):
        FashionMNIST(str(folder), download=True)
    assert asked == ["train"]


@needs_real_files
def test_real_files() -> None:
    sums = {"train": 3431114169, "test": 573469082}
    preprocessor = Config.fromfile(CONFIG).data_preprocessor
    for split, each in (("train", 6000), ("test", 1000)):
        dataset = FashionMNIST(fashion_mnist.DEBIAN_ROOT, split=split, serialize_data=False)
        images = np.stack([info["img"] for info in dataset.data_list])
        labels = [info["gt_label"] for info in dataset.data_list]
        assert images.shape == (10 * each, 28, 28)
        assert images.dtype == np.uint8
        assert np.bincount(labels).tolist() == [each] * 10
        assert int(images.sum(dtype=np.int64)) == sums[split]
        if split == "train":
            assert preprocessor.mean == pytest.approx([images.mean()], abs=1e-4)
            assert preprocessor.std == pytest.approx([images.std()], abs=1e-4)
