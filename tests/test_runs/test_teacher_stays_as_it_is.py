"""No run trains, saves, averages or changes the teacher."""

from copy import deepcopy

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from runs import checkpoints, config, convnet, distiller, equal, run, validation
from tiny import classifier
from torch import nn

from mmkd.compat.checkpoints import load_checkpoint


@HOOKS.register_module()
class TrainEverything(Hook):
    """Puts all that it can find into training mode before each iteration."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        runner.model.train()
        for teacher in runner.model.teachers.values():
            teacher.network.train()


def noisy_run(tmp_path, **overrides):
    """Train under everything that could reach the teacher; return the runner and it before."""
    model = distiller(
        teachers=dict(bn=dict(model=classifier(6)), dropout=dict(model=convnet(dropout=0.9)))
    )
    fields = checkpoints()
    fields["custom_hooks"] += [dict(type="TrainEverything"), dict(type="EMAHook")]
    runner = Runner.from_cfg(config(tmp_path, model, **{**validation(), **fields, **overrides}))
    before = {k: deepcopy(t.network.state_dict()) for k, t in runner.model.teachers.items()}
    runner.train()
    return runner, before


@pytest.fixture
def trained(tmp_path):
    return noisy_run(tmp_path)


def test_weights_and_buffers_are_bit_equal_after_training(trained):
    runner, before = trained
    assert any("running_mean" in key for key in before["bn"])
    for name, teacher in runner.model.teachers.items():
        assert equal(dict(teacher.network.state_dict()), before[name])


def test_all_its_modules_are_in_eval_mode_in_each_forward(trained):
    teacher = trained[0].model.teachers["dropout"]
    teacher.network.train()
    [dropout] = [m for m in teacher.network.modules() if isinstance(m, nn.Dropout)]
    seen = []
    dropout.register_forward_hook(lambda module, args, output: seen.append((args[0], output)))
    runner = trained[0]
    runner.model.train()
    runner.train_loop.run_iter(0, next(iter(runner.train_dataloader)))
    assert torch.equal(*seen[0])
    assert not any(module.training for module in teacher.network.modules())


def test_it_has_no_gradients(trained):
    for teacher in trained[0].model.teachers.values():
        for parameter in teacher.network.parameters():
            assert parameter.grad is None
            assert not parameter.requires_grad


def test_it_is_in_no_checkpoint(trained, tmp_path):
    runner, _ = trained
    checkpoint = load_checkpoint(tmp_path / "epoch_2.pth")
    student = {f"student.{key}" for key in runner.model.student.state_dict()}
    assert {k for k in checkpoint["state_dict"] if not k.startswith("data_pre")} == student
    assert {k.removeprefix("module.") for k in checkpoint["ema_state_dict"]} == {*student, "steps"}


def test_it_is_not_in_the_optimizer(trained):
    runner, _ = trained
    optimized = {id(p) for group in runner.optim_wrapper.param_groups for p in group["params"]}
    assert optimized == {id(p) for p in runner.model.student.parameters()}


def test_the_averaged_copy_shares_it(trained):
    [ema] = [hook for hook in trained[0].hooks if type(hook).__name__ == "EMAHook"]
    copy = ema.ema_model.module
    assert copy is not trained[0].model
    assert copy.teachers["bn"] is trained[0].model.teachers["bn"]
    assert copy.student is not trained[0].model.student


def test_it_keeps_still_under_mixed_precision(tmp_path):
    wrapper = dict(type="mmkd.CPUAmpOptimWrapper", optimizer=dict(type="SGD", lr=0.1))
    runner, before = noisy_run(tmp_path, optim_wrapper=wrapper)
    assert equal(dict(runner.model.teachers["bn"].network.state_dict()), before["bn"])


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (lambda model: model.double(), torch.float64),
        (lambda model: model.to(torch.bfloat16), torch.bfloat16),
        (lambda model: model.to("meta"), torch.float32),
    ],
)
def test_it_follows_the_students_device_and_type(tmp_path, move, expected):
    model = move(Runner.from_cfg(config(tmp_path)).model)
    for network in (model.student, model.teachers["teacher"].network):
        weight = network.head.fc.weight
        assert weight.dtype == expected
        assert weight.is_meta == model.student.head.fc.weight.is_meta


def test_a_resumed_run_leaves_it_as_it_was(tmp_path):
    fields = checkpoints()
    first = run(tmp_path, train_cfg=dict(by_epoch=True, max_epochs=1), **fields)
    again = run(tmp_path, resume=True, **fields)
    teachers = [dict(r.model.teachers["teacher"].network.state_dict()) for r in (first, again)]
    assert equal(*teachers)
