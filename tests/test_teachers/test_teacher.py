import pickle
from copy import deepcopy

import pytest
import tiny
import torch
from torch import nn

from mmkd.networks.taps import Tap
from mmkd.teachers import Teacher

FC, LAST = Tap.parse("head.fc"), Tap.parse("backbone.layer3")
INPUTS = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network() -> nn.Module:
    from mmkd.networks.building import build_network, network_config

    built = build_network(network_config(tiny.classifier(6)))
    built.init_weights()
    return built


def logits(teacher: Teacher) -> torch.Tensor:
    return teacher(INPUTS, None, [FC])[FC]


def test_a_network_whose_modes_return_nothing_is_a_teacher(network):
    class Quiet(nn.Sequential):
        def train(self, mode: bool = True) -> None:
            super().train(mode)

        def eval(self) -> None:
            self.train(False)

    quiet = Quiet(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    teacher = Teacher(quiet)
    assert teacher.find_roles("quiet", INPUTS).error is None
    assert teacher(INPUTS, None, [Tap("1")])[Tap("1")].shape == (3, 5)
    assert not quiet.training


def test_it_is_frozen_and_in_eval_whatever_is_called(network):
    teacher = Teacher(network)
    first = logits(teacher)
    before = deepcopy(network.state_dict())
    network.train()
    network.backbone.layer2.train()
    second = logits(teacher)
    assert torch.equal(first, second)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not second.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_it_goes_no_further_than_its_deepest_tap(network):
    calls = []
    network.head.fc.register_forward_hook(lambda *_: calls.append(1))
    Teacher(network)(INPUTS, None, [LAST])
    assert not calls


def test_the_networks_attributes_are_read_through_it(network):
    teacher = Teacher(network)
    assert teacher.backbone is network.backbone
    assert list(teacher.parameters()) == list(network.parameters())
    with pytest.raises(AttributeError, match="nonsense"):
        _ = teacher.nonsense


def test_copies_share_it(network):
    teacher = Teacher(network)
    assert deepcopy([teacher])[0] is teacher


@pytest.mark.parametrize("form", ["config", "path"])
def test_it_is_built_from_a_config_and_loads_its_checkpoint(tmp_path, network, form):
    torch.save(dict(state_dict=network.state_dict()), tmp_path / "teacher.pth")
    model = tiny.classifier(6)
    if form == "path":
        (tmp_path / "teacher.py").write_text(f"default_scope = 'mmpretrain'\nmodel = {model}\n")
        model = str(tmp_path / "teacher.py")
    teacher = Teacher(model, checkpoint=str(tmp_path / "teacher.pth"))
    torch.testing.assert_close(logits(teacher), logits(Teacher(network)))


def test_names_of_installed_configs_are_read():
    teacher = Teacher("mmpretrain::resnet/resnet18_8xb16_cifar10.py")
    assert teacher(INPUTS, None, [FC])[FC].shape == (3, 10)


def test_a_plain_module_is_called_with_images():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2))
    tap = Tap.parse("1")
    assert Teacher(linear)(INPUTS, None, [tap])[tap].shape == (3, 2)


def test_another_input_size(network):
    sizes = []
    network.backbone.register_forward_pre_hook(lambda _, args: sizes.append(args[0].shape[2:]))
    logits(Teacher(network, input_size=24))
    logits(Teacher(network, input_size=(20, 28)))
    assert sizes == [(24, 24), (20, 28)]


def test_predictions_over_the_students_classes(network):
    from mmpretrain.structures import DataSample

    whole = Teacher(network).predict(INPUTS, [DataSample() for _ in range(3)])
    teacher = Teacher(network, class_map=[4, 0])
    mapped = teacher.predict(INPUTS, [DataSample() for _ in range(3)])
    for full, part in zip(whole, mapped, strict=True):
        shared = full.pred_score[[4, 0]]
        torch.testing.assert_close(part.pred_score, shared / shared.sum())
        assert part.pred_label.item() == shared.argmax().item()


def test_a_teacher_without_its_network_lacks_attributes_in_words():
    """Debuggers and tracebacks ask one that is half built, after an error in its constructor."""
    with pytest.raises(AttributeError, match="network"):
        _ = Teacher.__new__(Teacher).backbone


def test_a_pickled_teacher_teaches_the_same(network):
    """Data loaders and launchers that spawn processes pickle what they are given."""
    teacher = Teacher(network, input_size=16, dtype="float32")
    copied = pickle.loads(pickle.dumps(teacher))
    assert copied is not teacher
    assert torch.equal(logits(copied), logits(teacher))
    assert not any(parameter.requires_grad for parameter in copied.network.parameters())
