"""A teacher of another library sees RGB images in its own normalisation."""

import logging

import pytest
import tiny
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import Tensor

from mmkd.networks.building import build_network, network_config
from mmkd.networks.sizes import loads_bgr
from mmkd.teachers import Teacher
from mmkd.teachers.preprocessing import Preprocessing
from mmkd.teachers.renormalize import Normalization, Pixels

TORCHVISION = Pixels.of_unit((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
MEAN, STD = torch.tensor(TORCHVISION.mean), torch.tensor(TORCHVISION.std)


def normalized(rgb: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return (rgb - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)


def student(mean: list[float], std: list[float], to_rgb: bool) -> torch.nn.Module:
    pixels = dict(type="ClsDataPreprocessor", mean=mean, std=std, to_rgb=to_rgb, num_classes=3)
    return build_network(network_config(tiny.classifier(data_preprocessor=pixels)))


@pytest.mark.parametrize("to_rgb", [True, False])
@pytest.mark.parametrize("loaded_bgr", [True, False])
def test_pixels_are_renormalised_in_the_order_rgb(to_rgb: bool, loaded_bgr: bool) -> None:
    rgb = torch.rand(2, 3, 4, 4) * 255
    own_mean, own_std = torch.tensor([10.0, 20.0, 30.0]), torch.tensor([40.0, 50.0, 60.0])
    loaded = rgb.flip(1) if loaded_bgr else rgb
    given = normalized(loaded.flip(1) if to_rgb else loaded, own_mean, own_std)
    said = Preprocessing(None, TORCHVISION, None)
    network = student(own_mean.tolist(), own_std.tolist(), to_rgb)
    convert = said.conversion("t", network, loaded_bgr)
    assert convert is not None
    torch.testing.assert_close(convert(given), normalized(rgb, MEAN, STD), rtol=1e-4, atol=1e-4)


def test_a_student_of_unknown_data_counts_as_one_of_rgb_images() -> None:
    mean, std = [0.0, 0.0, 0.0], [255.0, 255.0, 255.0]
    flips = [
        Preprocessing(None, TORCHVISION, None).conversion("t", student(mean, std, to_rgb), None)
        for to_rgb in (True, False)
    ]
    assert [convert is not None and convert.flip for convert in flips] == [False, False]


def test_grey_images_become_three_channels() -> None:
    convert = Preprocessing(None, TORCHVISION, Pixels((127.5,), (127.5,))).conversion(
        "t", torch.nn.Identity(), None
    )
    assert convert is not None
    grey = torch.rand(2, 1, 4, 4) * 2 - 1
    expected = normalized((grey * 127.5 + 127.5).expand(2, 3, 4, 4), MEAN, STD)
    torch.testing.assert_close(convert(grey), expected, rtol=1e-4, atol=1e-4)


def test_the_users_statement_comes_before_the_data_preprocessors() -> None:
    teacher = Teacher(
        student([1.0] * 3, [2.0] * 3, True), normalization=dict(mean=[0.0] * 3, std=[1.0] * 3)
    )
    teacher.match_preprocessing("t", student([1.0] * 3, [2.0] * 3, True))
    pixels = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(teacher.prepare((pixels - 1) / 2), pixels)


def test_a_student_that_says_nothing_is_named(caplog: pytest.LogCaptureFixture) -> None:
    MMLogger.get_current_instance().addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING):
        said = Preprocessing(None, TORCHVISION, None)
        assert said.conversion("big", torch.nn.Identity(), None) is None
    MMLogger.get_current_instance().removeHandler(caplog.handler)
    assert "student_normalization=dict(" in caplog.text


def test_a_wrong_normalization_is_refused_in_words() -> None:
    for wrong in (dict(mean=[0.0]), dict(mean=[0.0], std=[0.0])):
        with pytest.raises(ValueError, match="is no normalisation: write dict"):
            Pixels.parse(wrong)


def test_the_order_in_which_images_are_loaded_is_read_from_the_data(tmp_path) -> None:
    def told(transforms: str) -> bool | None:
        path = tmp_path / "config.py"
        data = f"train_dataloader = dict(dataset=dict(type='A', pipeline={transforms}))\n"
        path.write_text(f"model = dict(type='B')\n{data}")
        Config.fromfile(path)
        return loads_bgr(str(path))

    assert told("[dict(type='LoadImageFromFile'), dict(type='PackInputs')]") is True
    assert told("[dict(type='PackInputs')]") is False
    assert loads_bgr(torch.nn.Identity()) is None


def test_normalization_of_a_network_stays_relative_to_the_loaded_order() -> None:
    assert TORCHVISION.beside(Normalization((0.0,), (1.0,), True), None).flips_channels
    assert not TORCHVISION.beside(Normalization((0.0,), (1.0,), True), False).flips_channels
