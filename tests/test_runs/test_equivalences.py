"""Runs that must end with the same weights."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from runs import checkpoints, convnet, distiller, equal, loader, run, weights
from tiny import KD, classifier

HINT = dict(loss=dict(type="mmkd.HintLoss"), student="backbone", teacher="backbone")


def students(**train_cfg):
    return [classifier(**train_cfg), convnet(dropout=0.5, **train_cfg)]


@pytest.mark.parametrize("student", students(), ids=["batchnorm", "dropout"])
def test_a_term_of_weight_0_changes_nothing(tmp_path, student):
    terms = dict(off=HINT | dict(weight=0), **KD)
    one = run(tmp_path / "one", distiller(student=student, terms=terms))
    other = run(tmp_path / "other", distiller(student=student))
    assert equal(weights(one), weights(other))


@pytest.mark.parametrize("student", students(), ids=["batchnorm", "dropout"])
def test_before_a_term_begins_training_is_that_of_the_plain_student(tmp_path, student):
    terms = dict(kd=KD["kd"] | dict(schedule=dict(begin=1)), hint=HINT | dict(weight=0))
    run(tmp_path / "distilled", distiller(student=student, terms=terms), **checkpoints())
    run(tmp_path / "plain", student, **checkpoints())
    distilled = torch.load(tmp_path / "distilled/epoch_1_student.pth", weights_only=True)
    plain = torch.load(tmp_path / "plain/epoch_1.pth", weights_only=True)
    assert equal(distilled["state_dict"], plain["state_dict"])


def test_the_same_seed_gives_the_same_weights_and_another_one_others(tmp_path):
    model = distiller(student=convnet(dropout=0.5), terms=dict(**KD, hint=HINT))
    one, other, third = (
        run(tmp_path / str(index), model, randomness=dict(seed=seed))
        for index, seed in enumerate((3, 3, 4))
    )
    assert equal(weights(one), weights(other))
    assert not equal(weights(one), weights(third))


def test_accumulated_gradients_are_those_of_one_big_batch(tmp_path):
    # Without BatchNorm: its statistics are those of the small batches.
    model = distiller(student=convnet(), terms=dict(**KD, hint=HINT))
    big = run(tmp_path / "big", model, train_dataloader=loader(batch_size=8))
    wrapper = dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9), accumulative_counts=2)
    small = run(
        tmp_path / "small", model, train_dataloader=loader(batch_size=4), optim_wrapper=wrapper
    )
    assert small.iter == 2 * big.iter
    for key, weight in weights(big).items():
        torch.testing.assert_close(weights(small)[key], weight, rtol=1e-5, atol=1e-6)


@HOOKS.register_module()
class RecordFactors(Hook):
    """Writes down with which factor the term `kd` acts in each iteration."""

    def __init__(self) -> None:
        self.factors = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.factors.append(runner.model.terms["kd"].schedule.now())


def recorded(runner):
    [hook] = [hook for hook in runner.hooks if isinstance(hook, RecordFactors)]
    return hook.factors


@pytest.mark.parametrize("by_epoch", [True, False])
def test_a_resumed_run_goes_on_where_it_stopped(tmp_path, by_epoch):
    schedule = dict(warmup=4 if by_epoch else 8, by_epoch=by_epoch)
    model = distiller(terms=dict(kd=KD["kd"] | dict(schedule=schedule)))

    def go(folder, epochs, **overrides):
        fields = checkpoints() | overrides
        fields["custom_hooks"] = [dict(type="RecordFactors")]
        cfg = dict(by_epoch=True, max_epochs=epochs)
        fields["param_scheduler"] = dict(type="LinearLR", start_factor=0.1, end=4)
        return run(tmp_path / folder, model, train_cfg=cfg, **fields)

    whole = go("whole", 4)
    first = go("parts", 2)
    second = go("parts", 4, resume=True)
    steps = [1, 1, 2, 2, 3, 3, 4, 4] if by_epoch else range(1, 9)
    assert recorded(whole) == [step / schedule["warmup"] for step in steps]
    assert recorded(first) + recorded(second) == recorded(whole)
    assert second.epoch == 4
    assert second.iter == 8
    assert second.optim_wrapper.get_lr() == whole.optim_wrapper.get_lr()
    assert equal(weights(second), weights(whole))
