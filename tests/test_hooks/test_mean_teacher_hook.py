"""Teacher that is the student's average."""

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS
from mmengine.runner import Runner
from runs import (
    TinyConvNet,
    checkpoints,
    config,
    convnet,
    distiller,
    equal,
    initialised,
    log_text,
    run,
    validation,
)
from tiny import classifier

from mmkd.engine.tested import load_evaluated
from mmkd.hooks import MeanTeacherHook

FOLLOW = dict(type="mmkd.MeanTeacherHook", momentum=0.7)
CONSISTENCY = dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0)))


@MODELS.register_module()
class TiedConvNet(TinyConvNet):
    """A backbone with one layer under two names."""

    def __init__(self):
        super().__init__()
        self.again = self.layer2


TIED = convnet() | dict(backbone=dict(type="TiedConvNet"))


def model(teacher=None, **overrides):
    """Config of a student with BatchNorm and a teacher of the same architecture."""
    teacher = teacher or dict(model=classifier())
    return distiller(teacher=teacher, terms=CONSISTENCY, **overrides)


def state(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


@HOOKS.register_module()
class WatchHook(Hook):
    """Keeps the states of student and teacher after each iteration, and before the first."""

    priority = "LOWEST"

    def before_train(self, runner):
        self.states = [self.of(runner)]

    def after_train_iter(self, runner, *_, **__):
        self.states.append(self.of(runner))

    @staticmethod
    def of(runner):
        return state(runner.model.student), state(runner.model.teachers["teacher"].network)


def watched(folder, follow=None, settings=None, **overrides):
    """Train, and return the states of both, iteration by iteration, and the runner."""
    hooks = [dict(type="WatchHook"), {**FOLLOW, **(follow or {})}]
    hooks += overrides.pop("custom_hooks", [])
    runner = run(folder, settings or model(), custom_hooks=hooks, **overrides)
    [watch] = [hook for hook in runner.hooks if isinstance(hook, WatchHook)]
    return watch.states, runner


def floats(weights):
    return {k: v.double() for k, v in weights.items() if v.is_floating_point()}


@pytest.mark.parametrize("network", [classifier(), TIED], ids=["BatchNorm", "tied"])
def test_the_teacher_is_the_moving_average_of_the_students_weights(tmp_path, network):
    settings = distiller(student=network, teacher=dict(model=network), terms=CONSISTENCY)
    states, _ = watched(tmp_path, settings=settings)
    assert equal(*states[0])  # it begins as a copy
    average = floats(states[0][0])
    assert len(states) == 5
    for step, (student, teacher) in enumerate(states[1:], start=1):
        decay = min(1 - 1 / (step + 1), 0.7)
        for key, value in floats(student).items():
            average[key] = decay * average[key] + (1 - decay) * value
        for key, value in floats(teacher).items():
            torch.testing.assert_close(value, average[key], rtol=1e-5, atol=1e-6)
    assert not equal(*states[-1])


def test_buffers_can_be_the_students(tmp_path):
    states, _ = watched(tmp_path, dict(update_buffers=False))
    student, teacher = states[-1]
    buffers = [key for key in student if "running" in key or "tracked" in key]
    assert len(buffers) > 10
    for key in buffers:
        assert torch.equal(student[key], teacher[key])
    assert not torch.equal(student["head.fc.weight"], teacher["head.fc.weight"])


def test_between_two_updates_the_teacher_stays(tmp_path):
    states, _ = watched(tmp_path, dict(interval=2))
    teachers = [teacher for _, teacher in states]
    assert equal(teachers[0], teachers[1])
    assert not equal(teachers[1], teachers[2])
    assert equal(teachers[2], teachers[3])


def test_a_resumed_run_says_if_the_checkpoint_has_no_average(tmp_path):
    first = dict(by_epoch=True, max_epochs=1)
    run(tmp_path, model(), train_cfg=first, **checkpoints())
    _, runner = watched(tmp_path, resume=True)
    assert "holds no mean teacher 'teacher'" in log_text(runner)


def test_weights_to_begin_with_are_the_teachers_too(tmp_path):
    file = str(initialised(classifier(), tmp_path / "student.pth"))
    states, _ = watched(tmp_path, load_from=file)
    assert equal(*states[0])
    assert torch.equal(states[0][0]["head.fc.bias"], torch.load(file)["state_dict"]["head.fc.bias"])


def test_a_run_from_a_checkpoint_begins_a_new_average(tmp_path):
    watched(tmp_path / "one", default_hooks=checkpoints()["default_hooks"])
    file = str(tmp_path / "one" / "epoch_2.pth")
    states, _ = watched(tmp_path / "two", load_from=file)
    assert equal(*states[0])


def test_an_evaluated_checkpoint_brings_its_teacher(tmp_path):
    states, _ = watched(tmp_path, default_hooks=checkpoints()["default_hooks"])
    file = tmp_path / "epoch_2.pth"
    runner = Runner.from_cfg(config(tmp_path / "test", model(), custom_hooks=[FOLLOW]))
    load_evaluated(runner, torch.load(file, weights_only=False), str(file))
    assert equal(state(runner.model.teachers["teacher"].network), states[-1][1])


def test_the_step_check_waits_until_the_two_differ(tmp_path):
    """Without noise the first term is exactly zero, at which the check would stop the run."""
    same = distiller(
        student=convnet(), teacher=dict(model=convnet()), terms=CONSISTENCY, input_shape=(3, 16, 16)
    )
    checks = [dict(type="mmkd.StepCheckHook")]
    _, runner = watched(tmp_path, settings=same, custom_hooks=checks)
    values = runner.message_hub.get_scalar("train/loss_kd").data[0]
    assert values[0] == 0
    assert (values[1:] > 0).all()
    [check] = [hook for hook in runner.hooks if type(hook).__name__ == "StepCheckHook"]
    assert check._checked == {"kd"}


def test_it_is_not_evaluated_before_training_and_others_are(tmp_path):
    evaluation = dict(type="mmkd.TeacherEvaluationHook")
    teachers = dict(teacher=dict(model=classifier()), other=dict(model=classifier(6)))
    both = distiller(teachers=teachers, terms=CONSISTENCY)
    _, runner = watched(
        tmp_path, settings=both, custom_hooks=[evaluation], log_level="INFO", **validation()
    )
    text = log_text(runner)
    assert "Teacher 'other' on the validation data" in text
    assert "Teacher 'teacher' on the validation data" not in text
    assert "'teacher' begins as a copy of the student" in text


def test_nothing_can_be_expected_of_it_before_training(tmp_path):
    expected = dict(teacher={"accuracy/top1": 50.0})
    evaluation = dict(type="mmkd.TeacherEvaluationHook", expected=expected)
    with pytest.raises(ValueError, match="none that is trained before"):
        watched(tmp_path, custom_hooks=[evaluation], **validation())


@pytest.mark.parametrize(
    ("teacher", "words"),
    [
        (dict(model=classifier(6)), "weights differ in name or shape, such as backbone"),
        (dict(model=classifier(), dtype="bfloat16"), "with dtype"),
        (dict(model=classifier(), fold_bn=True), "with fold_bn"),
        (dict(model=classifier(), compile=True), "with compile"),
    ],
)
def test_teachers_that_cannot_follow_are_refused(tmp_path, teacher, words):
    with pytest.raises(ValueError, match=words):
        watched(tmp_path, settings=model(teacher))


def test_a_teacher_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"teacher 'mean', but the model has teacher"):
        watched(tmp_path, dict(teacher="mean"))


@pytest.mark.parametrize("settings", [dict(momentum=1.0), dict(momentum=0), dict(interval=0)])
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(ValueError, match=r"between 0 and 1"):
        MeanTeacherHook(**settings)
