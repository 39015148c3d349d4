"""Composed models besides a student with teachers."""

import mmkd  # noqa: F401

# isort: split
import pytest
from mmengine.config import Config

from mmkd.composition import TeacherChoice, compose
from mmkd.engine.launch import ArgumentError

STUDENT = "mmpretrain::resnet/resnet18_8xb32_in1k.py"
PAIR = "mmkd::_base_/pairs/resnet32x4_resnet8x4_cifar100.py"
PEER = TeacherChoice("mmpretrain::resnet/resnet34_8xb32_in1k.py", None, "big")


def test_peers_learn_with_the_student() -> None:
    model = compose(STUDENT, [PEER], ["dml"], dict(weight=0.5)).model.to_dict()
    first = {**Config.fromfile(STUDENT).model.to_dict(), "_scope_": "mmpretrain"}
    assert model == dict(
        type="mmkd.MutualDistiller",
        students=dict(first=first, big=PEER.model),
        loss=dict(type="mmkd.KDLoss", temperature=1.0),
        weight=0.5,
    )


def test_a_peer_without_a_name_of_its_own_is_a_network_like_the_student() -> None:
    students = compose(PAIR, [], ["dml"]).model.students
    assert [*students] == ["first", "peer"]
    assert students.first == students.peer == "mmkd::_base_/models/cifar/resnet8x4.py"


@pytest.mark.parametrize("student", [STUDENT, PAIR])
def test_a_students_own_loss_may_be_all_that_changes(student: str) -> None:
    config = compose(student, [], ["tfkd_reg"], dict(alpha=0.3))
    assert config.model.type.endswith("ImageClassifier")
    loss = config.model.head.loss.to_dict()
    assert loss.pop("type") == "mmkd.TfKDRegLoss"
    assert loss == dict(alpha=0.3, temperature=20.0, softening="softmax", temper_student=False)


def test_branches_grow_from_the_stages_before_the_last() -> None:
    model = compose(PAIR, [], ["byot"]).model
    assert model.branches.to_dict() == dict(early="@stages[-3]", middle="@stages[-2]")
    assert model.student == "mmkd::_base_/models/cifar/resnet8x4.py"
    assert "teacher" not in model


def test_teachers_that_a_method_does_not_take_are_refused_in_words() -> None:
    trained = TeacherChoice(PEER.model, "resnet34.pth")
    with pytest.raises(ArgumentError, match=r"random in place of resnet34\.pth"):
        compose(STUDENT, [trained], ["dml"])
    for method in ("byot", "tfkd_reg"):
        with pytest.raises(ArgumentError, match="takes no teacher"):
            compose(STUDENT, [PEER], [method])
