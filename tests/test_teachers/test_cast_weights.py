"""In mixed precision a frozen network's weights are cast once, and nothing else changes."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from runs import distiller, run, scalars
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmkd.engine.amp import CPUAmpOptimWrapper
from mmkd.networks.taps import Tap
from mmkd.teachers import Teacher, frozen

IMAGES = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
AUTOCAST = torch.autocast("cpu", torch.bfloat16)


class Casts(TorchDispatchMode):
    """Counts casts of the parameters of modules."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.own = {p.data_ptr() for module in modules for p in module.parameters()}
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name == "aten::_to_copy":
            self.count += args[0].data_ptr() in self.own
        return func(*args, **(kwargs or {}))


class Several(nn.Module):
    """Layers whose weights autocast casts, and such as take part in other ways."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.fc = nn.Linear(8, 5)
        self.tied = nn.Linear(8, 5)
        self.tied.weight = self.fc.weight

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.norm(self.conv(images)).flatten(2).transpose(1, 2)
        mean = self.attention(tokens.float()).mean(1)
        return self.fc(mean) + self.tied(mean)


def network() -> nn.Module:
    torch.manual_seed(0)
    return Several().eval()


def taught(teacher: Teacher, context: Any = AUTOCAST) -> Tensor:
    with context:
        return teacher(IMAGES, None, [Tap("tied")])[Tap("tied")]


def test_weights_are_cast_once_and_the_outputs_are_those_of_autocast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as without:
        without.setattr(frozen, "SAYS_TYPE", False)
        expected = taught(Teacher(network()))
    teacher = Teacher(network())
    exact = taught(teacher, nullcontext())
    assert torch.equal(taught(teacher), expected)
    with Casts(teacher.network.conv, teacher.network.tied) as casts:
        taught(teacher)  # transformers compute otherwise while somebody counts
    assert casts.count == 0
    assert all(p.dtype == torch.float32 for p in teacher.network.parameters())
    assert teacher.network.tied.weight is teacher.network.fc.weight
    assert exact.dtype == torch.float32
    assert torch.equal(taught(teacher, nullcontext()), exact)


def test_other_weights_and_another_type_are_cast_anew() -> None:
    teacher, other = Teacher(network()), network()
    taught(teacher)
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    expected = taught(Teacher(other))
    teacher.network.load_state_dict(other.state_dict())
    assert torch.equal(taught(teacher), expected)
    teacher.network.conv.weight = nn.Parameter(torch.zeros(8, 3, 3, 3), requires_grad=False)
    other.conv.weight = teacher.network.conv.weight
    assert torch.equal(taught(teacher), taught(Teacher(other)))
    half = torch.autocast("cpu", torch.float16)
    assert torch.equal(taught(teacher, half), taught(Teacher(other), half))


def test_the_weights_are_back_after_an_error() -> None:
    teacher = Teacher(network())
    with pytest.raises(RuntimeError), AUTOCAST:
        teacher(IMAGES[:, :2], None, [Tap("tied")])
    assert all(p.dtype == torch.float32 for p in teacher.network.parameters())


def test_a_step_casts_no_weight_of_the_teacher_and_its_losses_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logs, counts = [], []
    for says in (True, False):
        monkeypatch.setattr(frozen, "SAYS_TYPE", says)
        torch.manual_seed(0)
        model = tiny.distiller()
        model.train()
        wrapper = CPUAmpOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
        model.train_step(tiny.batch(), wrapper)
        with Casts(model.teachers["teacher"].network) as casts:
            logs.append(model.train_step(tiny.batch(), wrapper))
        counts.append(casts.count)
    assert logs[0] == logs[1]
    assert counts[0] == 0 < counts[1]


def test_an_average_of_the_student_is_cast_in_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights change in each step, past torch's count of versions."""
    found = []
    for says in (True, False):
        monkeypatch.setattr(frozen, "SAYS_TYPE", says)
        model = distiller(teacher=dict(model=tiny.classifier()))
        runner = run(
            tmp_path / str(says),
            model,
            optim_wrapper=dict(type="mmkd.CPUAmpOptimWrapper", optimizer=dict(type="SGD", lr=0.1)),
            custom_hooks=[dict(type="mmkd.MeanTeacherHook", momentum=0.5)],
        )
        found.append(scalars(runner, "train/loss_kd"))
    assert found[0] == found[1]
