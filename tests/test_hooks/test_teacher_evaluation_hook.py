import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS as METRICS_OF_ROOT
from mmengine.runner import Runner
from runs import (
    checkpoints,
    config,
    convnet,
    distiller,
    equal,
    initialised,
    loader,
    log_text,
    run,
    validation,
    weights,
)
from tiny import CLASSES, classifier

from mmkd.engine import SafeRunner
from mmkd.teachers import Teacher

HOOK = dict(type="mmkd.TeacherEvaluationHook")
INFO = "teacher_metrics/teacher"
EVALUATED = "on the validation data"
METRICS = [dict(type="Accuracy", topk=(1,)), dict(type="mmkd.Calibration")]


@pytest.fixture
def teacher(tmp_path):
    """A teacher with weights in a file, and with another normalisation than the student."""
    preprocessor = dict(mean=[90.0, 100, 110], std=[30.0, 40, 50], to_rgb=True, num_classes=CLASSES)
    model = classifier(6, data_preprocessor=preprocessor)
    return dict(model=model, checkpoint=str(initialised(model, tmp_path / "teacher.pth")))


def test_the_teachers_metrics_are_those_it_has_alone(tmp_path, teacher):
    alone = Runner.from_cfg(
        config(
            tmp_path / "alone",
            teacher["model"],
            load_from=teacher["checkpoint"],
            **validation(val_evaluator=METRICS),
        )
    ).val()
    runner = run(
        tmp_path / "run",
        distiller(teacher=teacher),
        custom_hooks=[HOOK],
        log_level="INFO",
        **validation(val_evaluator=METRICS),
    )
    metrics = runner.message_hub.get_info(INFO)
    assert metrics == pytest.approx(alone, rel=1e-5)
    assert len(metrics) > 2
    assert f"Teacher 'teacher' {EVALUATED}: accuracy/top1: {metrics['accuracy/top1']:.4f}" in (
        log_text(runner)
    )


@pytest.mark.parametrize(("least", "warned"), [(101.0, True), (0.0, False)])
def test_a_teacher_under_its_expectation_is_warned_about(tmp_path, least, warned):
    hook = HOOK | dict(expected=dict(teacher={"accuracy/top1": least}))
    runner = run(tmp_path, custom_hooks=[hook], **validation())
    assert ("under the expected" in log_text(runner)) == warned


def test_a_metric_that_there_is_not_is_warned_about(tmp_path):
    hook = HOOK | dict(expected=dict(teacher={"accuracy/top9": 50.0}))
    runner = run(tmp_path, custom_hooks=[hook], **validation())
    assert "no metric 'accuracy/top9'; it has accuracy/top1" in log_text(runner)


def test_expectations_of_a_teacher_that_there_is_not_are_an_error(tmp_path):
    hook = HOOK | dict(expected=dict(taecher={"accuracy/top1": 50.0}))
    with pytest.raises(ValueError, match="of taecher; the teachers are teacher"):
        run(tmp_path, custom_hooks=[hook], **validation())


def test_without_validation_it_warns_and_training_goes_on(tmp_path):
    runner = run(tmp_path, custom_hooks=[HOOK])
    assert "there is no validation loop" in log_text(runner)
    assert runner.iter == 4


def test_a_resumed_run_does_not_repeat_it(tmp_path):
    saved = checkpoints()
    saved["custom_hooks"] = [HOOK]
    fields = dict(log_level="INFO", **validation(), **saved)
    train_cfg = dict(by_epoch=True, max_epochs=1)
    first = run(tmp_path, train_cfg=train_cfg, **fields)
    again = run(tmp_path, resume=True, **fields)
    assert log_text(again).count(EVALUATED) == 1
    assert again.message_hub.get_info(INFO) == first.message_hub.get_info(INFO)


@pytest.mark.parametrize("workers", [0, 1])
def test_training_does_not_notice_it(tmp_path, workers):
    model = distiller(student=convnet(dropout=0.5))  # draws random numbers in each step
    val_loader = loader(seed=1) | dict(num_workers=workers, persistent_workers=workers > 0)
    fields = validation(val_dataloader=val_loader)
    without = run(tmp_path / "without", model, **fields)
    with_it = run(tmp_path / "with", model, custom_hooks=[HOOK], **fields)
    assert equal(weights(with_it), weights(without))


def test_it_leaves_metrics_that_compare_with_the_teacher_out(tmp_path):
    metrics = [*METRICS, dict(type="mmkd.TeacherAgreement")]
    model = distiller(predict_teachers=True)
    runner = run(tmp_path, model, custom_hooks=[HOOK], **validation(val_evaluator=metrics))
    assert "accuracy/top1" in runner.message_hub.get_info(INFO)
    assert "teacher/agreement" not in runner.message_hub.get_info(INFO)
    assert 0 <= runner.message_hub.get_scalar("val/teacher/agreement").current() <= 1


def test_each_of_several_teachers_is_evaluated(tmp_path):
    teachers = dict(one=dict(model=classifier(6)), two=dict(model=classifier(5)))
    runner = run(tmp_path, distiller(teachers=teachers), custom_hooks=[HOOK], **validation())
    assert "accuracy/top1" in runner.message_hub.get_info("teacher_metrics/one")
    assert "accuracy/top1" in runner.message_hub.get_info("teacher_metrics/two")


def test_a_teacher_of_two_names_is_evaluated_once(tmp_path, teacher, monkeypatch):
    predict, batches = Teacher.predict, []
    monkeypatch.setattr(
        Teacher, "predict", lambda self, **data: batches.append(self) or predict(self, **data)
    )
    model = distiller(teachers=dict(one=teacher, two=dict(teacher)))
    runner = run(tmp_path, model, custom_hooks=[HOOK], **validation())
    assert len(batches) == len(runner.val_dataloader)
    metrics = runner.message_hub.get_info("teacher_metrics/one")
    assert metrics == runner.message_hub.get_info("teacher_metrics/two")


def test_a_plain_model_has_no_teacher_to_evaluate(tmp_path):
    runner = run(tmp_path, classifier(), custom_hooks=[HOOK], **validation())
    assert EVALUATED not in log_text(runner)
    assert runner.iter == 4


def test_a_teacher_that_knows_nothing_is_cried_out_at_begin_and_end(tmp_path):
    """One that always says the same class, of which the validation data have few."""
    runner = Runner.from_cfg(config(tmp_path, custom_hooks=[HOOK], **validation()))
    head = runner.model.teachers["teacher"].network.head.fc
    labels = [int(s.gt_label) for s in runner.build_dataloader(loader(seed=1)).dataset.samples]
    rarest = min(range(CLASSES), key=labels.count)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.eye(CLASSES)[rarest])
    runner.train()
    assert labels.count(rarest) / len(labels) < 1.5 / CLASSES
    assert log_text(runner).count("Teacher 'teacher' knows nothing of the validation data") == 2


@METRICS_OF_ROOT.register_module()
class EmptyMetric(BaseMetric):
    """Has no value, as mmdet's for a detector that finds no box."""

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return {}


def test_a_teacher_that_finds_nothing_is_cried_out_as_well(tmp_path):
    empty = dict(type="EmptyMetric")
    runner = run(tmp_path, custom_hooks=[HOOK], **validation(val_evaluator=empty))
    assert log_text(runner).count("no metric has a value, as where a detector finds no") == 2


def test_a_feature_teacher_of_other_classes_is_not_evaluated_and_trains(tmp_path):
    hint = dict(
        student="backbone.layer1", teacher="backbone.layer1", loss=dict(type="mmkd.HintLoss")
    )
    model = distiller(teacher=dict(model=classifier(6, classes=9)), terms=dict(hint=hint))
    runner = run(tmp_path, model, custom_hooks=[HOOK], **validation())
    assert "is not evaluated: it has 9 other classes and no class_map" in log_text(runner)
    assert runner.iter == 4


def test_another_teacher_of_a_resumed_run_is_evaluated(tmp_path):
    path = initialised(classifier(6), tmp_path / "teacher.pth")
    model = distiller(teacher=dict(model=classifier(6), checkpoint=str(path)))
    saved = checkpoints()
    saved["custom_hooks"] = [HOOK]
    fields = dict(log_level="INFO", **validation(), **saved)
    first = SafeRunner.from_cfg(config(tmp_path / "run", model, **fields))
    first.train()
    initialised(classifier(6), path, seed=1)
    again = dict(resume=True, force_resume=True, **fields)
    SafeRunner.from_cfg(config(tmp_path / "run", model, **again)).train()
    assert log_text(first).count(EVALUATED) == 2
