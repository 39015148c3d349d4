"""SimKD: a student with a projector and the teacher's classifier."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpretrain.apis import get_model
from runs import checkpoints, config, distiller, equal, initialised, run, separate_runs  # noqa: F401
from tiny import classifier

from mmkd.engine.student_config import student_config
from mmkd.models import SimKDNeck

OPTIMIZER = dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=0.1))


def simkd(folder: Path) -> dict:
    """The model of a run whose teacher's weights lie in a file, as a config of configs/simkd."""
    teacher = initialised(classifier(6), folder / "teacher.pth")
    student = classifier(4)
    student["neck"] = [
        dict(type="mmkd.SimKDNeck", in_channels=8, out_channels=12),
        dict(type="GlobalAveragePooling"),
    ]
    student["head"] = {**classifier(6)["head"], "init_cfg": None}
    term = dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))
    return distiller(
        student=student,
        teacher=dict(model=classifier(6), checkpoint=str(teacher)),
        student_loss_weight=0.0,
        terms=dict(simkd=term),
    )


def test_the_students_classifier_is_the_teachers_before_and_after_training(tmp_path):
    runner = run(tmp_path, simkd(tmp_path), optim_wrapper=OPTIMIZER, **checkpoints())
    student, teacher = runner.model.student, runner.model.teachers["teacher"].network
    assert equal(student.head.state_dict(), teacher.head.state_dict())
    written = torch.load(tmp_path / "epoch_2_student.pth")["state_dict"]
    assert equal(written, student.state_dict())
    assert (written["neck.0.projector.0.weight"] != 0).any()


def test_the_exported_student_is_a_plain_classifier_of_mmpretrain(tmp_path):
    settings = config(tmp_path, simkd(tmp_path), optim_wrapper=OPTIMIZER, **checkpoints())
    runner = run(tmp_path, simkd(tmp_path), optim_wrapper=OPTIMIZER, **checkpoints())
    plain = student_config(settings)
    model = get_model(Config(plain.to_dict()), pretrained=str(tmp_path / "epoch_2_student.pth"))
    assert type(model).__name__ == "ImageClassifier"
    images = torch.randn(2, 3, 16, 16)
    runner.model.eval()
    torch.testing.assert_close(model.eval()(images), runner.model.student(images))


def test_the_teachers_map_gives_the_teachers_logits(tmp_path):
    """A perfect student would do this: its classifier and pooling are the teacher's."""
    model = run(tmp_path, simkd(tmp_path), optim_wrapper=OPTIMIZER).model.eval()
    teacher, images = model.teachers["teacher"].network, torch.randn(2, 3, 16, 16)
    head, pooling = model.student.head, model.student.neck[1]
    with torch.no_grad():
        torch.testing.assert_close(head(pooling(teacher.backbone(images))), teacher(images))


def test_the_projector_is_a_bottleneck_of_convolutions():
    neck = SimKDNeck(6, 8, factor=4)
    kernels = [m.weight.shape for m in neck.modules() if isinstance(m, torch.nn.Conv2d)]
    assert kernels == [(2, 6, 1, 1), (2, 2, 3, 3), (8, 2, 1, 1)]
    maps = torch.randn(2, 6, 5, 5)
    [projected] = neck((torch.randn(2, 3, 9, 9), maps))
    assert projected.shape == (2, 8, 5, 5)
    assert projected.min() == 0
    torch.testing.assert_close(neck(maps), projected)
    with pytest.raises(ValueError, match="factor divides out_channels"):
        SimKDNeck(6, 8, factor=9)


def test_a_map_larger_than_the_teachers_is_averaged_before_the_projector():
    torch.manual_seed(0)
    neck = SimKDNeck(4, 6, size=2).eval()
    maps = torch.randn(2, 4, 8, 8)
    small = torch.nn.functional.avg_pool2d(maps, 4)
    torch.testing.assert_close(neck(maps), neck.projector(small))
    assert torch.equal(neck(small), neck.projector(small))
    assert SimKDNeck(4, 6)(maps).shape == (2, 6, 8, 8)
