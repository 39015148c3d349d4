"""Map before the teacher's classifier."""

import pytest
import tiny
import torch

from mmkd.losses import SimKDLoss


def test_it_is_the_mean_squared_difference_at_the_smaller_size():
    student, teacher = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 4, 4)
    small = torch.nn.functional.avg_pool2d(student, 2)
    expected = (small - teacher).square().mean((1, 2, 3))
    for pair, other in ((student, teacher), (teacher, student)):
        each = SimKDLoss()(pair, other, reduction_override="none")
        torch.testing.assert_close(each, expected)
    assert SimKDLoss()(student, student) == 0


def test_a_student_without_projector_is_refused_when_it_is_built():
    term = dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))
    with pytest.raises(ValueError, match=r"8 channels and the teacher's 12.*mmkd.SimKDNeck"):
        tiny.distiller(terms=dict(simkd=term))


SIMKD = dict(simkd=dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.SimKDLoss")))


def student(**head):
    config = tiny.classifier(4)
    return config | dict(head=config["head"] | head)


def test_the_student_has_the_teachers_classifier_and_keeps_it():
    teacher = dict(model=tiny.classifier(4))
    model = tiny.distiller(student=student(init_cfg=None), teacher=teacher, terms=SIMKD)
    given = model.teachers["teacher"].network.head.fc
    tiny.train(model)
    for name, weights in model.student.head.fc.state_dict().items():
        assert torch.equal(weights, given.state_dict()[name])
    assert model.student.head.fc.weight is not given.weight


def test_a_classifier_that_would_be_initialised_again_is_refused():
    with pytest.raises(ValueError, match="give that head init_cfg=None"):
        tiny.distiller(student=student(), teacher=dict(model=tiny.classifier(4)), terms=SIMKD)


def test_classifiers_of_other_classes_are_refused():
    other = student(init_cfg=None, num_classes=7)
    with pytest.raises(ValueError, match="give the student's head the teacher's"):
        tiny.distiller(student=other, teacher=dict(model=tiny.classifier(4)), terms=SIMKD)
