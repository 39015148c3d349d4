"""Runs of a distiller have all abilities of a run of any mmpretrain model."""

import pytest
import torch
from mmengine.runner import Runner
from runs import checkpoints, config, distiller, logged, run, validation, weights
from tiny import KD, PREPROCESSOR, classifier

AMP = dict(type="mmkd.CPUAmpOptimWrapper", optimizer=dict(type="SGD", lr=0.1))
ER = dict(
    er=dict(
        loss=dict(type="mmkd.KDLoss"),
        sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0),
    )
)
AUGMENTS = [dict(type="Mixup", alpha=0.8), dict(type="CutMix", alpha=1.0)]


def mixing_student():
    student = classifier(train_cfg=dict(augments=AUGMENTS))
    student["head"]["loss"] = dict(type="CrossEntropyLoss", use_soft=True)
    return student


def test_mixed_precision_computes_networks_in_bfloat16_and_losses_in_float32(tmp_path):
    runner = Runner.from_cfg(config(tmp_path, optim_wrapper=AMP))
    seen = {}
    model = runner.model

    def record(name):
        return lambda module, args, output: seen.update({name: output.dtype})

    model.student.head.fc.register_forward_hook(record("student"))
    model.teachers["teacher"].network.head.fc.register_forward_hook(record("teacher"))
    model.terms["kd"].loss.register_forward_hook(record("loss"))
    runner.train()
    assert seen == dict(student=torch.bfloat16, teacher=torch.bfloat16, loss=torch.float32)
    assert all(weight.isfinite().all() for weight in weights(runner).values())
    assert weights(runner)["head.fc.weight"].dtype == torch.float32


def test_ema_validates_the_averaged_student(tmp_path):
    hooks = [dict(type="EMAHook", momentum=0.5)]
    runner = run(tmp_path, custom_hooks=hooks, **validation())
    assert "accuracy/top1" in logged(runner)[-1]


def test_mixup_and_cutmix_train_kd_and_er(tmp_path):
    model = distiller(student=mixing_student(), terms=dict(**KD, **ER))
    lines = logged(
        run(tmp_path, model, default_hooks=dict(logger=dict(type="LoggerHook", interval=1)))
    )
    assert all(0 < line[name] < 100 for line in lines for name in ("loss_kd", "loss_er"))


def test_losses_that_need_labels_refuse_mixup_when_they_are_built(tmp_path):
    shift = dict(kd=dict(loss=dict(type="mmkd.KDLoss", target=dict(type="mmkd.ProbabilityShift"))))
    run(tmp_path / "unmixed", distiller(terms=shift))
    with pytest.raises(ValueError, match=r"'kd' needs hard labels.*Mixup"):
        Runner.from_cfg(config(tmp_path, distiller(student=mixing_student(), terms=shift)))


def test_the_students_weights_start_as_those_of_the_plain_student(tmp_path):
    still = dict(optimizer=dict(type="SGD", lr=0.0))
    one = run(tmp_path / "one", optim_wrapper=still)
    other = run(tmp_path / "other", classifier(), optim_wrapper=still)
    for name, parameter in other.model.named_parameters():
        assert torch.equal(parameter, weights(one)[name])


def test_a_plain_students_checkpoint_initialises_the_student(tmp_path):
    plain = run(tmp_path / "plain", classifier(), **checkpoints())
    still = dict(optimizer=dict(type="SGD", lr=0.0))
    path = str(tmp_path / "plain" / "epoch_2.pth")
    distilled = run(tmp_path / "distilled", load_from=path, optim_wrapper=still)
    for name, parameter in plain.model.named_parameters():
        assert torch.equal(parameter, weights(distilled)[name])


@pytest.mark.parametrize("hooks", [[], [dict(type="EMAHook")]], ids=["plain", "ema"])
def test_student_and_distillation_checkpoints_are_tested_alike(tmp_path, hooks):
    tests = dict(
        test_dataloader=validation()["val_dataloader"],
        test_cfg=dict(),
        test_evaluator=dict(type="mmkd.Calibration"),
    )
    run(tmp_path, **checkpoints())

    def test(file, model):
        fields = dict(load_from=str(tmp_path / file), custom_hooks=hooks, **tests)
        return Runner.from_cfg(config(tmp_path / "test", model, **fields)).test()

    expected = test("epoch_2_student.pth", classifier())
    assert test("epoch_2_student.pth", distiller()) == expected
    assert test("epoch_2.pth", distiller()) == expected


def test_the_data_preprocessor_may_lie_in_the_student(tmp_path):
    student = classifier(data_preprocessor=PREPROCESSOR)
    inside = run(tmp_path / "inside", distiller(student=student), data_preprocessor=None)
    outside = run(tmp_path / "outside")
    for name, value in weights(outside).items():
        assert torch.equal(value, weights(inside)[name])
