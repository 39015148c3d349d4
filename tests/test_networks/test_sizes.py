"""Networks are examined on an example of the size that the data or the network names."""

import pytest
import tiny
import torch
from mmengine.config import Config
from torch import nn

from mmkd.networks import sizes
from mmkd.networks.sizes import example_inputs
from mmkd.registry import MODELS
from mmkd.teachers import Teacher


def shapes(network, spec=None, input_shape=None):
    return [tuple(inputs.shape) for inputs in example_inputs(network, spec or {}, input_shape)]


def write(tmp_path, *transforms, **settings):
    dataset = dict(type="CIFAR100", pipeline=[*transforms])
    config = Config(dict(model=tiny.classifier(), train_dataloader=dict(dataset=dataset)))
    config.merge_from_dict(settings)
    config.dump(tmp_path / "config.py")
    return str(tmp_path / "config.py")


CROP = dict(type="RandomCrop", crop_size=32, padding=4)
RESIZED = dict(type="mmpretrain.RandomResizedCrop", scale=(176, 160))
WHOLE = dict(type="Resize", scale=(1333, 800))
WIDE = dict(type="mmdet.Resize", scale=(160, 128))


@pytest.mark.parametrize(
    ("transforms", "size"),
    [
        ([CROP], (32, 32)),
        ([CROP, RESIZED], (176, 160)),
        ([RESIZED, WHOLE], (176, 160)),
        ([WIDE], (128, 160)),
    ],
)
def test_the_data_of_a_config_say_the_size(tmp_path, transforms, size):
    network = MODELS.build(tiny.classifier())
    path = write(tmp_path, *transforms)
    assert shapes(network, path) == [(2, 3, *size), (1, 3, *size)]
    assert shapes(network, dict(config=path)) == [(2, 3, *size), (1, 3, *size)]


def test_the_run_comes_before_the_networks_config(tmp_path, monkeypatch):
    run = Config.fromfile(write(tmp_path, dict(CROP, crop_size=28)))
    monkeypatch.setattr(sizes, "running_config", lambda: run)
    network = MODELS.build(tiny.classifier())
    other = tmp_path / "other"
    other.mkdir()
    assert shapes(network, write(other, CROP))[0] == (2, 3, 28, 28)


def test_without_data_the_network_says_it_or_likely_ones_are_tried():
    network = nn.Sequential(nn.Conv2d(1, 2, 3))
    assert shapes(network)[:2] == [(2, 1, 64, 64), (2, 1, 224, 224)]
    network[0].img_size = (96, 80)
    assert shapes(network)[0] == (2, 1, 96, 80)


def test_the_user_says_it_for_good():
    assert shapes(nn.Linear(2, 2), None, (5, 9, 7)) == [(2, 5, 9, 7), (1, 5, 9, 7)]


class Fixed(nn.Module):
    """A network for images of one size, which it says or not, and of a number N of them."""

    def __init__(self, size, says=True, most=2):
        super().__init__()
        self.size, self.most = size, most
        if says:
            self.img_size = size
        self.flatten, self.fc = nn.Flatten(), nn.Linear(3 * size * size, tiny.CLASSES)

    def forward(self, x):
        assert x.shape[-2:] == (self.size, self.size)
        assert len(x) <= self.most
        return self.fc(self.flatten(x))


def test_of_likely_sizes_the_one_is_taken_that_all_networks_take():
    model = MODELS.build(
        dict(
            type="mmkd.Distiller",
            student=tiny.classifier(data_preprocessor=tiny.PREPROCESSOR),
            teacher=dict(model=Fixed(224, says=False)),
            terms=tiny.KD,
        )
    )
    assert str(model.logits["teacher"]) == "fc"


def test_images_are_resized_for_a_teacher_that_says_its_size():
    teacher = Teacher(Fixed(24))
    roles = teacher.find_roles("one", torch.zeros(2, 3, 16, 16))
    assert roles.error is None
    assert teacher.input_size == (24, 24)
    silent = Teacher(Fixed(24, says=False))
    assert "AssertionError" in str(silent.find_roles("one", torch.zeros(2, 3, 16, 16)).error)
    assert silent.input_size is None


def test_a_network_that_takes_one_image_is_examined_on_one():
    model = tiny.distiller(teacher=dict(model=Fixed(16, most=1)))
    assert str(model.logits["teacher"]) == "fc"
