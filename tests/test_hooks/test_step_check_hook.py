from contextlib import contextmanager
from dataclasses import replace

import pytest
import tiny
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import Runner
from runs import config, convnet, distiller, initialised, run
from tiny import KD, classifier

from mmkd.hooks import StepCheckError, StepCheckHook
from mmkd.terms.term import Term, TermOutput

HOOK = dict(type="mmkd.StepCheckHook")
SGD = dict(type="SGD", lr=0.1)
AMP = dict(type="mmkd.CPUAmpOptimWrapper", optimizer=SGD, accumulative_counts=2)
LATE = dict(loss=dict(type="mmkd.KDLoss"), schedule=dict(begin=1))
HINT = dict(student="backbone.layer1", teacher="backbone.layer1", loss=dict(type="mmkd.HintLoss"))


def checked(work_dir, model=None, **overrides):
    return Runner.from_cfg(config(work_dir, model, custom_hooks=[HOOK], **overrides))


def teacher_of(runner, name="teacher"):
    return runner.model.teachers[name].network


def spoil(runner, teacher="teacher"):
    for parameter in teacher_of(runner, teacher).parameters():
        parameter.fill_(float("nan"))


@pytest.mark.parametrize("wrapper", [dict(optimizer=SGD), AMP])
def test_a_sound_run_passes(tmp_path, wrapper):
    terms = dict(**KD, hint=HINT, late=LATE)
    runner = checked(tmp_path, distiller(terms=terms), optim_wrapper=wrapper)
    runner.train()
    assert runner.iter == 4
    assert not runner.model._observers


@pytest.mark.parametrize("wrapper", [dict(optimizer=SGD), AMP])
def test_a_teacher_that_gives_nan_stops_the_run(tmp_path, wrapper):
    runner = checked(tmp_path, optim_wrapper=wrapper)
    spoil(runner)
    with pytest.raises(StepCheckError, match="'kd' cannot train the student: loss_kd is nan"):
        runner.train()
    assert runner.iter == 0


@OPTIM_WRAPPERS.register_module()
class HalfOptimWrapper(OptimWrapper):
    """Computes in float16 without scaling, where MMEngine's refuses a CPU."""

    @contextmanager
    def optim_context(self, model):
        with super().optim_context(model), torch.autocast("cpu", torch.float16):
            yield


def test_a_gradient_that_float16_only_shows_scaled_passes(tmp_path):
    terms = dict(kd=KD["kd"] | dict(weight=1e-6))
    wrapper = dict(type="HalfOptimWrapper", optimizer=SGD)
    runner = checked(tmp_path, distiller(terms=terms), optim_wrapper=wrapper)
    runner.train()
    assert runner.iter == 4


def equal_to_its_teacher(tmp_path):
    path = str(initialised(convnet(), tmp_path / "weights.pth"))
    model = distiller(student=convnet(), teacher=dict(model=convnet(), checkpoint=path))
    return dict(model=model, load_from=path)


def test_a_term_is_checked_where_it_first_has_a_place(tmp_path, monkeypatch):
    """Locations may choose nothing of a first batch; that loss of zero says nothing."""
    forward, seen = Term.forward, []

    def first_without_a_place(term, features, *rest):
        seen.append(term)
        if len(seen) == 1:
            return TermOutput(torch.zeros((), requires_grad=True), None, empty=True)
        return forward(term, features, *rest)

    runner = checked(tmp_path)
    monkeypatch.setattr(Term, "forward", first_without_a_place)
    spoil(runner)
    with pytest.raises(StepCheckError, match="loss_kd is nan"):
        runner.train()
    assert runner.iter == 1


def test_a_term_that_is_zero_stops_the_run(tmp_path):
    with pytest.raises(StepCheckError, match="loss_kd is exactly zero"):
        checked(tmp_path, **equal_to_its_teacher(tmp_path)).train()


def test_outputs_that_overflow_are_called_that(tmp_path):
    settings = equal_to_its_teacher(tmp_path)
    teacher = settings["model"]["teacher"]
    weights = torch.load(teacher["checkpoint"], weights_only=False)
    state = weights.get("state_dict", weights)
    state["head.fc.weight"] *= 1e9
    torch.save(weights, tmp_path / "large.pth")
    teacher["checkpoint"] = str(tmp_path / "large.pth")
    settings["load_from"] = teacher["checkpoint"]
    with pytest.raises(
        StepCheckError, match=r"outputs of 'student' are as large as .*load weights"
    ):
        checked(tmp_path, **settings).train()


@pytest.mark.parametrize("factor", [1e38, float("nan")])
def test_the_network_whose_outputs_overflow_is_named_first(tmp_path, factor):
    """The student's are large only; a loss of NaN has another cause then."""
    runner = checked(tmp_path)
    for network, scale in ((runner.model.student, 1e9), (teacher_of(runner), factor)):
        with torch.no_grad():
            network.head.fc.weight.fill_(scale)
    match = "outputs of 'teacher' overflow: they are not finite. Deep networks with random weights"
    with pytest.raises(StepCheckError, match=match):
        runner.train()


def test_without_the_hook_such_a_run_goes_on(tmp_path):
    assert run(tmp_path, **equal_to_its_teacher(tmp_path)).iter == 4


def test_a_frozen_student_stops_the_run(tmp_path):
    runner = checked(tmp_path)
    runner.model.student.requires_grad_(False)
    with pytest.raises(StepCheckError, match="gives the student no gradient"):
        runner.train()


def test_a_tap_in_a_frozen_part_stops_the_run_though_its_connector_learns(tmp_path):
    runner = checked(tmp_path, distiller(terms=dict(**KD, hint=HINT)))
    for part in ("conv1", "bn1", "layer1"):
        getattr(runner.model.student.backbone, part).requires_grad_(False)
    with pytest.raises(StepCheckError, match=r"'hint' cannot train the student.*no gradient"):
        runner.train()


def test_a_term_that_begins_later_is_checked_then(tmp_path):
    teachers = dict(good=dict(model=classifier(6)), bad=dict(model=classifier(6)))
    terms = dict(
        kd=KD["kd"] | dict(teacher=dict(good="head.fc")),
        late=LATE | dict(teacher=dict(bad="head.fc")),
    )
    runner = checked(tmp_path, distiller(teachers=teachers, terms=terms))
    spoil(runner, "bad")
    with pytest.raises(StepCheckError, match="'late' cannot train the student: loss_late is nan"):
        runner.train()
    assert runner.epoch == 1


def test_a_term_with_nothing_to_act_on_is_checked_when_it_has():
    model, steps, hook = tiny.distiller(), [], StepCheckHook()
    model.observe(steps.append)
    tiny.losses_of(model)
    [step] = steps
    output = replace(step.terms["kd"], empty=True)
    none = 0 * step.losses["loss_kd"]
    hook._check("", model, replace(step, terms=dict(kd=output), losses=dict(loss_kd=none)))
    assert not hook._checked
    hook._check("", model, step)
    assert hook._checked == {"kd"}
