import pytest
import torch
from torch import nn

from mmkd.teachers import WeightsMismatchError, load_weights


@pytest.fixture
def network() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 4))


def save(path, weights, **rest):
    torch.save({"state_dict": weights, **rest}, path)
    return path


@pytest.mark.parametrize("form", ["state_dict", "model", "bare", "module."])
def test_the_forms_in_which_weights_are_published_are_read(tmp_path, network, form):
    weights = {key: torch.full_like(value, 2) for key, value in network.state_dict().items()}
    content = {"state_dict": weights, "model": weights}
    saved = {
        "bare": weights,
        "module.": {f"module.{key}": value for key, value in weights.items()},
    }.get(form, {form: content.get(form)})
    torch.save(saved, tmp_path / "x.pth")
    load_weights(network, tmp_path / "x.pth")
    assert all((value == 2).all() for value in network.state_dict().values())


def test_a_checkpoint_that_does_not_fit_is_reported_whole(tmp_path, network):
    weights = network.state_dict()
    weights["0.wieght"] = weights.pop("0.weight")
    weights["2.bias"] = torch.zeros(7)
    path = save(tmp_path / "x.pth", weights)
    with pytest.raises(WeightsMismatchError) as error:
        load_weights(network, path)
    report = str(error.value)
    assert "missing (1):\n    0.weight" in report
    assert "unexpected (1):\n    0.wieght" in report
    assert "0.weight ~ 0.wieght" in report
    assert "2.bias: (7,) in the checkpoint, (4,) needed" in report


def test_a_prefix_is_found_and_advised_and_taken(tmp_path, network):
    weights = {f"student.{key}": value + 1 for key, value in network.state_dict().items()}
    path = save(tmp_path / "x.pth", weights)
    with pytest.raises(WeightsMismatchError, match=r"set prefix='student\.'"):
        load_weights(network, path)
    load_weights(network, path, prefix="student.")
    assert torch.equal(network[0].weight, weights["student.0.weight"])


def test_what_fits_is_loaded_when_not_strict(tmp_path, network):
    weights = {"0.weight": torch.full((3, 2), 5.0), "2.bias": torch.zeros(7)}
    load_weights(network, save(tmp_path / "x.pth", weights), strict=False)
    assert (network[0].weight == 5).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, network, value):
    weights = network.state_dict()
    weights["0.weight"] = torch.full((3, 2), value)
    with pytest.raises(WeightsMismatchError, match=r"not finite.*0\.weight"):
        load_weights(network, save(tmp_path / "x.pth", weights))


def test_a_file_without_weights_is_refused(tmp_path, network):
    torch.save({"epoch": 3}, tmp_path / "x.pth")
    with pytest.raises(WeightsMismatchError, match="no weights"):
        load_weights(network, tmp_path / "x.pth")


def test_a_missing_file_is_named(tmp_path, network):
    with pytest.raises(FileNotFoundError, match=r"gone\.pth"):
        load_weights(network, tmp_path / "gone.pth")
