"""The student's task losses may begin, or end, with an epoch."""

import pytest
import tiny
from mmengine.logging import MessageHub
from runs import run, scalars, separate_runs  # noqa: F401

from mmkd.distillers import Distiller


def test_they_begin_where_a_term_that_initialises_the_student_ends(tmp_path):
    hint = dict(
        student="backbone",
        teacher="backbone",
        loss=dict(type="mmkd.HintLoss"),
        schedule=dict(end=1),
    )
    model = dict(
        type="mmkd.Distiller",
        student=tiny.classifier(),
        teacher=dict(model=tiny.classifier(6)),
        student_loss_weight=0.5,
        student_loss_schedule=dict(begin=1),
        input_shape=(3, 16, 16),
        terms=dict(hint=hint),
    )
    runner = run(tmp_path, model, custom_hooks=[dict(type="mmkd.StepCheckHook")])
    own, term = (scalars(runner, f"train/loss_{name}") for name in ("student", "hint"))
    assert own[:2] == [0, 0]
    assert min(own[2:]) > 0
    assert min(term[:2]) > 0
    assert term[2:] == [0, 0]


def test_the_schedule_multiplies_the_weight():
    losses = {}
    for schedule in (None, dict(warmup=4)):
        model: Distiller = tiny.distiller(student_loss_weight=0.5, student_loss_schedule=schedule)
        model.student.load_state_dict(losses.setdefault("weights", model.student.state_dict()))
        losses[str(schedule)] = tiny.losses_of(model)["loss"]
    assert losses["{'warmup': 4}"].item() == pytest.approx(losses["None"].item() / 4)
    assert MessageHub.get_current_instance().get_info("epoch", 0) == 0


def test_a_wrong_schedule_is_refused():
    with pytest.raises(ValueError, match="student's own losses has no setting 'until'"):
        tiny.distiller(student_loss_schedule=dict(until=3))
    with pytest.raises(ValueError, match="ends before it begins"):
        tiny.distiller(student_loss_schedule=dict(begin=3, end=1))
