"""Last part of a teacher on another feature."""

from copy import deepcopy

import pytest
import tiny
import torch

from mmkd.teachers import Teacher
from mmkd.teachers.head import TeacherHead

MODULES = ["neck", "head.fc"]
FEATURE, LOGITS = (2, 12, 4, 4), (2, tiny.CLASSES)


def teacher(**arguments) -> Teacher:
    torch.manual_seed(0)
    return Teacher(tiny.classifier(6), **arguments)


def head(modules=MODULES, **arguments) -> TeacherHead:
    return TeacherHead("t", teacher(**arguments), modules, FEATURE, LOGITS)


def test_on_its_own_feature_it_gives_the_teachers_logits():
    part = head()
    network = part.teacher.network
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        (feature,) = network.backbone(images)
        expected = network.head.fc(network.neck(feature))
    torch.testing.assert_close(part(feature), expected)


def test_its_parameters_get_no_gradient_and_it_trains_nothing():
    part = head()
    part.teacher.network.train()
    feature = torch.randn(FEATURE, requires_grad=True)
    part(feature).sum().backward()
    weight = part.teacher.network.head.fc.weight
    spread = weight.sum(0)[:, None, None].expand(FEATURE[1:]) / (FEATURE[2] * FEATURE[3])
    torch.testing.assert_close(feature.grad[0], spread)
    assert all(parameter.grad is None for parameter in part.teacher.network.parameters())
    assert not part.teacher.network.training


def test_it_runs_in_the_teachers_type_also_within_autocast():
    part = head(dtype="bfloat16")
    with torch.autocast("cpu", dtype=torch.float16):
        assert part(torch.randn(FEATURE)).dtype == torch.bfloat16


def test_a_copy_shares_the_teacher():
    part = head()
    assert deepcopy(part).teacher is part.teacher


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (["neck", "head.fcc"], "no module 'head.fcc'.*head.fc"),
        (["head.fc"], "cannot take its feature of shape"),
        (["neck"], r"into \(2, 12\), and its logits have shape \(2, 5\)"),
    ],
)
def test_wrong_modules_are_refused_in_words(modules, message):
    with pytest.raises(ValueError, match=message):
        head(modules)
