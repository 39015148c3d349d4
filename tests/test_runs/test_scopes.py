"""A distiller is built and trained from inside any of the packages."""

import pytest
from mmengine.runner import Runner
from runs import config, distiller, loader
from tiny import classifier

SLOW = pytest.mark.slow  # importing mmdet takes long


@pytest.mark.parametrize("scope", ["mmengine", "mmpretrain", pytest.param("mmdet", marks=SLOW)])
def test_a_distiller_trains_under_any_default_scope(tmp_path, scope):
    runner = Runner.from_cfg(
        config(
            tmp_path,
            distiller(predict_teachers=True),
            default_scope=scope,
            custom_hooks=[
                dict(type=f"mmkd.{name}")
                for name in (
                    "TeacherEvaluationHook",
                    "StepCheckHook",
                    "StudentCheckpointHook",
                    "StatisticsHook",
                )
            ],
            val_dataloader=loader(),
            val_cfg=dict(),
            val_evaluator=[
                dict(type="mmpretrain.Accuracy", topk=(1,)),
                dict(type="mmkd.TeacherAgreement"),
                dict(type="mmkd.Calibration"),
            ],
        )
    )
    runner.train()
    assert runner.iter == 4


@pytest.mark.slow
def test_a_student_may_come_from_a_config_file_of_another_package(tmp_path):
    student = "mmpretrain::resnet/resnet18_8xb16_cifar10.py"
    teacher = dict(model=classifier(classes=10))
    runner = Runner.from_cfg(
        config(tmp_path, distiller(student=student, teacher=teacher), default_scope="mmengine")
    )
    assert type(runner.model.student.backbone).__name__ == "ResNet_CIFAR"
