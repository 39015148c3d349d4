"""Cohorts as models: one pass of the teachers, and what they refuse."""

import re
from copy import deepcopy

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from tiny import CLASSES, KD, PREPROCESSOR, batch, classifier
from torch import nn

from mmkd.distillers import Cohort
from mmkd.networks.building import student_spec
from mmkd.registry import MODELS

HINT = dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.HintLoss"))
OTHER = classifier(data_preprocessor=PREPROCESSOR | dict(mean=[0.0, 0.0, 0.0]))
A, B = dict(student=classifier(), terms=KD), dict(student=classifier(6), terms=dict(hint=HINT))


def build(members=None, **overrides) -> Cohort:
    members = {
        name: dict(deepcopy(own), input_shape=(3, 16, 16))
        for name, own in (dict(a=A, b=B) if members is None else members).items()
    }
    config = dict(
        type="mmkd.Cohort",
        members=members,
        teacher=dict(model=classifier(6)),
        data_preprocessor=PREPROCESSOR,
    )
    model = MODELS.build({**config, **overrides})
    model.init_weights()
    return model


def optimizers(model: Cohort) -> OptimWrapperDict:
    members = model.members.items()
    return OptimWrapperDict(
        **{n: OptimWrapper(torch.optim.SGD(m.parameters(), lr=0.1)) for n, m in members}
    )


def test_the_teacher_runs_once_in_a_step_as_far_as_any_member_reads_it() -> None:
    model = build(dict(a=A, b=B, c=dict(A, terms=dict(KD, hint=HINT))))
    teacher, calls = model.members["a"].teachers["teacher"], []
    assert all(member.teachers["teacher"] is teacher for member in model.members.values())
    teacher.network.head.fc.register_forward_hook(lambda *_: calls.append("fc"))
    teacher.network.backbone.register_forward_hook(lambda *_: calls.append("backbone"))
    model.train()
    wrappers = optimizers(model)
    for step in range(2):
        calls.clear()
        log = model.train_step(batch(seed=step), wrappers)
        assert calls == ["backbone", "fc"]
    assert {"a/loss_kd", "b/loss_hint", "c/loss_hint", "c/loss", "loss"} <= {*log}
    total = sum(log[f"{name}/loss"].item() for name in "abc")
    assert float(log["loss"]) == pytest.approx(total)


def test_a_teacher_that_no_term_of_a_step_reads_does_not_run() -> None:
    late = dict(kd=dict(KD["kd"], schedule=dict(begin=1)))
    model = build(dict(a=dict(A, terms=late)))
    model.members["a"].teachers["teacher"].network.forward = None
    model.train()
    assert "a/loss_kd" in model.train_step(batch(), optimizers(model))


def test_a_batch_leaves_no_tensors_behind() -> None:
    model = build()
    model.train()
    model.train_step(batch(), optimizers(model))
    copied = deepcopy(model)  # as by EMA
    assert copied.members["a"].teachers["teacher"] is model.members["a"].teachers["teacher"]
    assert all(lesson._batch is None for lesson in model._lessons)


def test_a_checkpoint_has_each_members_weights_under_its_name() -> None:
    keys = {key.partition(".student.")[0] for key in build().state_dict() if ".student." in key}
    assert keys == {"a", "b"}
    assert student_spec(dict(type="mmkd.Cohort", members=dict(a=A))) == A["student"]


def test_teachers_of_several_names_are_one_pass_each() -> None:
    teachers = dict(one=dict(model=classifier(6)), two=dict(model=classifier(8)))
    model = build(dict(a=A, b=A), teacher=None, teachers=teachers)
    assert len(model._lessons) == 2
    model.train()
    model.train_step(batch(), optimizers(model))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "A cohort needs members"),
        ({"train": A}, "cannot be called 'train'"),
        ({"a/b": A}, "cannot be called 'a/b'"),
        ({"a": dict(A, teacher=dict(model=classifier()))}, "has 'teacher', which is the same"),
        ({"a": dict(A, termss=KD)}, "The member 'a' has no setting 'termss'. Did you mean 'terms'"),
        ({"a": dict(student=classifier())}, "The member 'a' lacks the setting 'terms'"),
        (
            {"a": A, "b": dict(A, terms=dict(kd=dict(KD["kd"], student="hed.fc")))},
            "The member 'b' of the cohort",
        ),
        ({"a": A, "b": dict(A, student=OTHER)}, "is another"),
    ],
)
def test_what_cannot_be_a_cohort_is_refused(members, words) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        build(members)


def test_a_cohort_is_no_network() -> None:
    with pytest.raises(RuntimeError, match="A cohort is no network"):
        build().val_step(batch())


def test_members_may_be_any_modules() -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(48, CLASSES))

    member = dict(terms=KD, logits="1", task_loss=nn.functional.cross_entropy)
    members = {name: dict(member, student=network()) for name in ("a", "b")}
    model = Cohort(members, teacher=network())
    images, labels = torch.randn(4, 3, 4, 4), torch.tensor([0, 1, 2, 3])
    before = model.members["b"].student[1].weight.clone()
    log = model.train_step((images, labels), optimizers(model))
    assert {"a/loss_student", "b/loss_kd"} <= {*log}
    assert not torch.equal(before, model.members["b"].student[1].weight)


def test_detectors_share_the_features_of_their_teacher() -> None:
    pytest.importorskip("mmdet")
    import tiny_detectors

    pkd = dict(student="neck[:]", teacher="neck[:]", loss=dict(type="mmkd.PKDLoss"))
    own = dict(student=tiny_detectors.faster_rcnn(), input_shape=(3, 64, 64))
    member = dict(own, terms=dict(pkd=pkd))
    teacher = dict(model=tiny_detectors.faster_rcnn(50))
    found = dict(type="mmkd.Cohort", members=dict(a=member, b=member), teacher=teacher)
    model = MODELS.build(deepcopy(found))
    model.init_weights()
    model.train()
    log = model.train_step(tiny_detectors.batch(), optimizers(model))
    assert torch.equal(log["a/loss_pkd"], log["b/loss_pkd"])
    rois = dict(own, terms=KD, logits=tiny_detectors.FC)
    with pytest.raises(ValueError, match="classifies the RoIs of one student"):
        MODELS.build(dict(found, members=dict(a=rois, b=member)))
