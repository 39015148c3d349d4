"""Teachers that are programs: only their output can be read, and only with the user's trust."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmkd.distillation import distill
from mmkd.teachers import Teacher
from mmkd.teachers.programs import EXPORTED, TORCHSCRIPT, program_kind

IMAGES = torch.rand(4, 3, 16, 16)
BATCH = ({0: torch.export.Dim("n")},)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(6, 5)).eval()


@pytest.fixture(params=[TORCHSCRIPT, EXPORTED])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Tensor]:
    """The file of a program, and the logits of its network."""
    path, net = tmp_path / "net.pt", network()
    if request.param == TORCHSCRIPT:
        torch.jit.script(net).save(str(path))
    else:
        torch.export.save(torch.export.export(net, (IMAGES,), dynamic_shapes=BATCH), path)
    assert program_kind(path) == request.param
    return path, net(IMAGES).detach()


def test_logits_are_the_networks(program: tuple[Path, Tensor]) -> None:
    path, expected = program
    teacher = Teacher(str(path), trust_checkpoint=True)
    (tap,) = teacher.find_roles("teacher", IMAGES).taps["logits"]
    torch.testing.assert_close(teacher(IMAGES, None, [tap])[tap], expected)
    assert not [*teacher.network.parameters()]


def test_code_runs_only_with_trust(program: tuple[Path, Tensor]) -> None:
    with pytest.raises(ValueError, match="is code, which runs as the teacher"):
        Teacher(str(program[0]))


def test_it_teaches_by_its_logits_and_refuses_features(program: tuple[Path, Tensor]) -> None:
    teacher = dict(model=str(program[0]), trust_checkpoint=True)
    model = distill(network(), teacher, "kd", example=IMAGES)
    losses = model(IMAGES, torch.zeros(4, dtype=torch.long))
    losses["loss"].backward()
    assert losses["loss_kd"].abs() < 1e-6  # the student is the teacher's network
    with pytest.raises(ValueError, match="whose inside cannot be tapped: only its output"):
        distill(network(), teacher, "fitnet", example=IMAGES)


def test_modules_in_memory_that_are_programs_teach_too() -> None:
    exported = torch.export.export(network(), (IMAGES,), dynamic_shapes=BATCH).module()
    for module in (torch.jit.script(network()), exported):
        model = distill(network(), module, "kd", example=IMAGES)
        assert model(IMAGES)["loss_kd"].abs() < 1e-6


def test_an_export_for_one_size_of_images_gets_that_size(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(network(), (IMAGES,), dynamic_shapes=BATCH), path)
    teacher = Teacher(str(path), trust_checkpoint=True)
    assert teacher.input_size == (16, 16)
    assert teacher.find_roles("teacher", torch.zeros(2, 3, 32, 32)).error is None


def test_an_export_for_one_batch_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(network(), (IMAGES,)), path)
    with pytest.raises(ValueError, match="takes batches of 4 alone"):
        Teacher(str(path), trust_checkpoint=True)


def test_files_of_weights_are_no_programs(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "a.pth")
    (tmp_path / "b.py").write_text("model = dict()\n")
    assert [program_kind(path) for path in tmp_path.iterdir()] == [None, None]
