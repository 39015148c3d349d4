"""Plain student's config, extracted from a distillation config."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from runs import checkpoints, config, distiller, run, validation, weights
from tiny import PREPROCESSOR, classifier

from mmkd.engine.student_config import student_config

OTHER = PREPROCESSOR | dict(mean=[1.0, 2.0, 3.0])
HOOKS = ["TeacherEvaluationHook", "StepCheckHook", "StudentCheckpointHook", "StatisticsHook"]


def full(work_dir, model=None, **overrides):
    metrics = [dict(type="mmkd.Calibration"), dict(type="mmkd.TeacherAgreement")]
    hooks = [dict(type=f"mmkd.{name}") for name in HOOKS] + [dict(type="EMAHook")]
    ends = dict(default_hooks=dict(best_and_last=dict(type="mmkd.BestAndLastHook")))
    fields = {**validation(val_evaluator=metrics), "custom_hooks": hooks, **ends, **overrides}
    return config(work_dir, model or distiller(predict_teachers=True), **fields)


def test_it_trains_the_student_without_teachers(tmp_path):
    plain = student_config(full(tmp_path))
    assert [hook.type for hook in plain.custom_hooks] == ["EMAHook"]
    assert [metric.type for metric in plain.val_evaluator] == ["mmkd.Calibration"]
    assert not plain.default_hooks
    runner = Runner.from_cfg(plain)
    runner.train()
    assert type(runner.model).__name__ == "ImageClassifier"
    assert runner.iter == 4


def test_it_loads_the_students_checkpoint_strictly(tmp_path):
    distilled = run(tmp_path / "distilled", **checkpoints())
    model = Runner.from_cfg(student_config(full(tmp_path / "plain"))).model
    file = torch.load(tmp_path / "distilled" / "epoch_2_student.pth")
    model.load_state_dict(file["state_dict"], strict=True)
    assert torch.equal(model.head.fc.weight, weights(distilled)["head.fc.weight"])


@pytest.mark.parametrize("where", ["top", "distiller", "student"])
@pytest.mark.parametrize("in_file", [False, True])
def test_its_preprocessing_is_that_of_the_distillation(tmp_path, where, in_file):
    student = classifier()
    if in_file:  # whose own preprocessing is another one
        Config(dict(model=student, data_preprocessor=OTHER)).dump(tmp_path / "student.py")
        student = dict(config=str(tmp_path / "student.py"))
    if where == "student":
        student["data_preprocessor"] = PREPROCESSOR
    model = distiller(student=student)
    if where == "distiller":
        model["data_preprocessor"] = PREPROCESSOR
    settings = full(tmp_path, model, data_preprocessor=PREPROCESSOR if where == "top" else None)
    plain = student_config(settings)
    plain.experiment_name += "_plain"
    for runner in (Runner.from_cfg(settings), Runner.from_cfg(plain)):
        assert runner.model.data_preprocessor.mean.flatten().tolist() == PREPROCESSOR["mean"]


def test_of_a_plain_model_there_is_none(tmp_path):
    with pytest.raises(ValueError, match=r"no distiller of mmkd"):
        student_config(config(tmp_path, classifier()))
