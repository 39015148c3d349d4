"""Logged values stay on the device until somebody reads them, and are then the same values."""

import pickle
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from host_traffic import HostTraffic
from mmengine.logging import HistoryBuffer, MessageHub
from runs import checkpoints, config, distiller, loader, run, scalars

from mmkd.engine import SafeRunner
from mmkd.hooks.delivery import Delivery
from mmkd.hooks.late_check import LateCheck
from mmkd.hooks.late_history import HELD, LateHistory, log_late

STATISTICS = [dict(type="mmkd.StatisticsHook", interval=4), dict(type="mmkd.StepCheckHook")]


def test_an_iteration_between_log_lines_waits_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = dict(
        finite=dict(type="mmkd.FiniteGuardHook", late=True, interval=1),
        data_check=None,  # of labels on the host, in the first epoch
        logger=dict(type="LoggerHook", interval=4),
        checkpoint=None,
    )
    runner = SafeRunner.from_cfg(
        config(
            tmp_path,
            distiller(),
            default_hooks=hooks,
            custom_hooks=STATISTICS,
            train_dataloader=loader(size=64),
        )
    )
    read: list[tuple[int, int]] = []  # iterations, of a number that is checked and of its reading
    take = LateCheck.take

    def taken(check: LateCheck) -> object:
        step = take(check)
        read.append((-1 if step is None else step.iteration, runner.iter))
        return step

    monkeypatch.setattr(LateCheck, "take", taken)
    update, waited = MessageHub.update_scalar, set[int]()

    def updated(hub: MessageHub, key: str, value: object, *arguments: object) -> None:
        if isinstance(value, torch.Tensor):
            waited.add(runner.iter)
        update(hub, key, value, *arguments)

    monkeypatch.setattr(MessageHub, "update_scalar", updated)
    run_iter, traffic = runner.train_loop.run_iter, []

    def counted(*arguments: object) -> None:
        with HostTraffic() as counts:
            run_iter(*arguments)
        traffic.append(counts)

    monkeypatch.setattr(runner.train_loop, "run_iter", counted)
    runner.train()
    assert len(traffic) == 16
    for index in (4, 5, 6, 9, 10):  # the log is written in 3, 7, 11; an epoch ends in 7
        [line] = traffic[index].waits
        assert line.startswith("hooks/delivery.py")  # for what was sent an iteration before
        assert traffic[index].waits[line] == 1
        assert (index - 1, index) in read
        assert not traffic[index].copies
    assert waited == {0, 3}  # MMEngine's history begins with the first value of each name


def test_the_log_and_checkpoints_are_those_of_mmengine(tmp_path: Path) -> None:
    fields = dict(custom_hooks=STATISTICS, train_dataloader=loader(size=64))
    fields["default_hooks"] = dict(checkpoints()["default_hooks"], exact_resume=None)
    late = SafeRunner.from_cfg(config(tmp_path / "late", distiller(), **fields))
    late.train()
    del fields["default_hooks"]["exact_resume"]
    plain = run(tmp_path / "plain", distiller(), **fields)
    names = [name for name in plain.message_hub.log_scalars if "time" not in name]
    assert {"train/loss", "train/loss_kd", "train/entropy/student"} <= {*names}
    for name in names:
        assert scalars(late, name) == scalars(plain, name), name
    saved = torch.load(tmp_path / "late/epoch_1.pth", weights_only=False)["message_hub"]
    assert type(saved["log_scalars"]["train/loss"]) is HistoryBuffer
    assert [*saved["log_scalars"]["train/loss"].data[0]] == scalars(plain, "train/loss")[:8]


def test_a_history_reads_like_mmengines() -> None:
    plain, late = HistoryBuffer([1.0], [1], 150), LateHistory(HistoryBuffer([1.0], [1], 150))
    for number in range(2, 2 * HELD):
        plain.update(float(number))
        if number == 7:
            late.update(7.0)  # a number of the host comes after what waits
        else:
            late.add(Delivery(dict(other=torch.zeros(1), x=torch.tensor(float(number)))), "x")
    assert len(late._waiting) == HELD
    assert late.current() == plain.current()
    assert late.mean(10) == plain.mean(10)
    for found in (late, deepcopy(late), pickle.loads(pickle.dumps(late))):
        assert [*found.data[0]] == [*plain.data[0]]
        assert [*found.data[1]] == [*plain.data[1]]
    assert type(deepcopy(late)) is HistoryBuffer


def test_values_are_those_of_the_moment_in_which_they_are_logged() -> None:
    hub = MessageHub.get_instance("late")
    value = torch.ones(())
    for _ in range(3):
        log_late(hub, dict(loss=value, lr=0.5))
        value += 1
    assert [*hub.get_scalar("train/loss").data[0]] == [1.0, 2.0, 3.0]
    assert [*hub.get_scalar("train/lr").data[0]] == [0.5] * 3
