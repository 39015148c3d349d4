"""Non-finite numbers stop a run, or skip a step, and are never saved."""

from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS, MODELS, OPTIM_WRAPPERS
from runs import (
    TinyConvNet,
    checkpoints,
    config,
    convnet,
    distiller,
    initialised,
    loader,
    log_text,
    weights,
)
from tiny import classifier

from mmkd.engine import SafeRunner
from mmkd.engine import runner as runner_module
from mmkd.hooks import NonFiniteError

SKIP = dict(finite=dict(type="mmkd.FiniteGuardHook", policy="skip", limit=2))
BROKEN = loader(size=32, broken_from=24)  # the fourth of its batches
MODELS_OF_BOTH_KINDS = pytest.mark.parametrize(
    "model", [classifier(), distiller()], ids=["plain", "distiller"]
)


@pytest.fixture(params=[False, True], ids=["at once", "late"])
def late(request, monkeypatch) -> bool:
    """Numbers are read in their iteration, as on a CPU, or in the next one, as on a GPU."""
    guard = dict(type="mmkd.FiniteGuardHook", late=request.param)
    monkeypatch.setitem(runner_module.GUARDS, "finite", guard)
    return request.param


def built(folder: Path, model=None, **fields) -> SafeRunner:
    return SafeRunner.from_cfg(config(folder, model, **fields))


def skipping(**arguments):
    fields = checkpoints(**arguments)
    fields["default_hooks"] |= SKIP
    return fields


def finite(folder: Path, name: str) -> bool:
    state = torch.load(folder / name)["state_dict"]
    return all(value.isfinite().all() for value in state.values())


@MODELS_OF_BOTH_KINDS
def test_a_broken_input_stops_the_run_before_it_does_harm(tmp_path, model, late):
    fields = checkpoints(by_epoch=False, interval=2, max_keep_ckpts=1)
    runner = built(tmp_path, model, train_dataloader=BROKEN, **fields)
    match = r"Not finite in iteration 4: the input number 0 of the batch, .* and 3 more\."
    with pytest.raises(NonFiniteError, match=match):
        runner.train()
    assert all(value.isfinite().all() for value in runner.model.parameters())
    assert finite(tmp_path, "iter_2.pth")
    assert not (tmp_path / "iter_4.pth").exists()


@MODELS_OF_BOTH_KINDS
@pytest.mark.parametrize("by_epoch", [True, False])
def test_weights_that_overflow_under_a_finite_loss_are_not_saved(tmp_path, by_epoch, model, late):
    wrapper = dict(optimizer=dict(type="SGD", lr=float("inf")))
    data = loader(batch_size=16)  # one iteration an epoch: no later loss tells
    fields = checkpoints(by_epoch=by_epoch)
    with pytest.raises(NonFiniteError, match="Parameters or buffers are not finite after"):
        built(tmp_path, model, train_dataloader=data, optim_wrapper=wrapper, **fields).train()
    assert not [*tmp_path.glob("*.pth")]


def test_a_buffer_that_is_not_finite_is_not_saved(tmp_path, late):
    runner = built(tmp_path, classifier(), **checkpoints())
    runner.register_hook(SpoilHook("backbone.bn1.running_var"))
    with pytest.raises(NonFiniteError, match=r"iteration 4: backbone\.bn1\.running_var"):
        runner.train()
    assert finite(tmp_path, "epoch_1.pth")


@HOOKS.register_module()
class SpoilHook(Hook):
    """Makes a weight or buffer infinite in the second epoch, after the last use of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 3:
            runner.model.state_dict()[self.name].fill_(float("inf"))


@OPTIM_WRAPPERS.register_module()
class ScaledOptimWrapper(OptimWrapper):
    """Scales losses as mixed precision does, at first so much that float16 overflows."""

    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        self.loss_scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24, backoff_factor=2.0**-12)

    def backward(self, loss, **_) -> None:
        self.loss_scaler.scale(loss).backward()
        self._inner_count += 1

    def step(self, **_) -> None:
        self.loss_scaler.step(self.optimizer)
        self.loss_scaler.update()


def test_steps_that_a_gradient_scaler_leaves_out_are_counted(tmp_path, late):
    runner = built(
        tmp_path,
        classifier(),
        optim_wrapper=dict(type="ScaledOptimWrapper", optimizer=dict(type="SGD", lr=0.1)),
        **checkpoints(),
    )
    for parameter in runner.model.parameters():
        parameter.register_hook(lambda gradient: gradient.half().float())
    runner.train()
    assert runner.iter == 4
    assert runner.optim_wrapper.loss_scaler.get_scale() == 2**12
    assert runner.message_hub.get_info("overflowed_steps") == 1
    assert finite(tmp_path, "epoch_2.pth")


@MODELS.register_module()
class MaskedConvNet(TinyConvNet):
    """Has a buffer that is minus infinity from the beginning."""

    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        self.register_buffer("mask", torch.full((2,), float("-inf")))


def test_a_mask_that_is_infinite_by_design_is_left_alone(tmp_path):
    model = convnet()
    model["backbone"]["type"] = "MaskedConvNet"
    runner = built(tmp_path, model, **checkpoints())
    runner.train()
    assert (tmp_path / "epoch_2.pth").exists()


def test_a_broken_teacher_is_named(tmp_path, late):
    runner = built(tmp_path)
    for parameter in runner.model.teachers["teacher"].network.head.parameters():
        parameter.fill_(float("nan"))
    with pytest.raises(NonFiniteError, match=r"iteration 1: the teacher 'teacher' at head\.fc"):
        runner.train()


def test_a_loss_of_the_student_is_named_as_its_own(tmp_path, late):
    """In the first iteration random weights are the likely cause."""
    runner = built(tmp_path)
    runner.model.student.head.loss_module.loss_weight = float("inf")
    match = r"iteration 1: the student's loss\. Deep networks with random weights give that: load"
    with pytest.raises(NonFiniteError, match=match):
        runner.train()


def test_gradients_alone_are_named(tmp_path, late):
    runner = built(tmp_path, classifier())
    name = "backbone.conv1.weight"
    parameter = runner.model.get_parameter(name)
    parameter.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(NonFiniteError, match=rf"iteration 1: gradients of {name}\."):
        runner.train()
    assert parameter.isfinite().all()


def test_a_step_that_is_skipped_changes_nothing_and_is_counted(tmp_path):
    """The run with the broken batch ends as one without that batch."""
    begun = str(initialised(classifier(), tmp_path / "begun.pth"))
    runner = built(
        tmp_path / "with",
        classifier(),
        train_dataloader=BROKEN,
        train_cfg=dict(by_epoch=True, max_epochs=1),
        load_from=begun,
        **skipping(),
    )
    runner.train()
    without = built(
        tmp_path / "without",
        classifier(),
        train_dataloader=loader(size=32),
        train_cfg=dict(by_epoch=False, max_iters=3),
        custom_hooks=[],
        default_hooks=dict(checkpoint=None),
        load_from=begun,
    )
    without.train()
    assert runner.iter == 4
    for key, value in weights(without).items():
        assert torch.equal(weights(runner)[key], value), key
    assert runner.message_hub.get_info("skipped_steps") == 1
    assert "the input number 0 of the batch" in log_text(runner)
    assert "The step was skipped, the 1. of this run" in log_text(runner)


def test_too_many_skipped_steps_in_a_row_stop_the_run(tmp_path):
    data = loader(size=32, broken_from=8)
    runner = built(tmp_path, classifier(), train_dataloader=data, **skipping())
    with pytest.raises(NonFiniteError, match="Not finite in iteration 4"):
        runner.train()


def test_clipping_sees_the_connectors_too(tmp_path):
    """A norm over the student alone would let a projector's gradient through unclipped."""
    terms = dict(
        hint=dict(
            student="backbone.layer1", teacher="backbone.layer1", loss=dict(type="mmkd.HintLoss")
        )
    )
    wrapper = dict(optimizer=dict(type="SGD", lr=0.1), clip_grad=dict(max_norm=1e-3))
    runner = built(tmp_path, distiller(terms=terms), optim_wrapper=wrapper)
    seen = []
    optimizer = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.optim_wrapper = optimizer
    optimizer.optimizer.register_step_pre_hook(
        lambda used, *_: seen.append(
            torch.nn.utils.get_total_norm([p.grad for p in runner.model.parameters()])
        )
    )
    runner.train()
    connectors = [n for n, _ in runner.model.named_parameters() if n.startswith("terms.")]
    assert connectors
    assert [float(norm) for norm in seen] == pytest.approx([1e-3] * 4, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (dict(policy="ignore"), "needs a policy"),
        (dict(limit=0), "needs a policy"),
        (dict(interval=0), "needs a policy"),
        (dict(policy="skip", late=True), "cannot skip a step whose numbers it reads late"),
    ],
)
def test_what_it_cannot_do_is_refused(arguments, match):
    from mmkd.hooks import FiniteGuardHook

    with pytest.raises(ValueError, match=match):
        FiniteGuardHook(**arguments)


def test_a_late_check_reads_accumulated_steps_too(tmp_path, late):
    """The optimizer steps in every fourth iteration; the broken one is the second."""
    runner = built(
        tmp_path,
        classifier(),
        train_dataloader=loader(size=32, broken_from=8),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1), accumulative_counts=4),
    )
    with pytest.raises(NonFiniteError, match=r"iteration 2: the input number 0 of the batch"):
        runner.train()
    assert runner.iter == (2 if late else 1)
    assert all(value.isfinite().all() for value in runner.model.parameters())
