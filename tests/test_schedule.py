import math

import pytest
from mmengine.logging import MessageHub

from mmkd.schedule import Schedule


def test_constant_by_default():
    assert [Schedule().factor(i) for i in (0, 1, 10**6)] == [1.0, 1.0, 1.0]


def test_warmup_is_dkds_with_epochs_counted_from_one():
    schedule = Schedule(warmup=20)
    assert [schedule.factor(e) for e in (0, 9, 19, 200)] == [1 / 20, 10 / 20, 1.0, 1.0]


def test_begin_end_and_decay():
    schedule = Schedule(begin=2, end=8, warmup=2, decay=3)
    expected = [0, 0, 0.5, 1, 1, 1, 2 / 3, 1 / 3, 0, 0]
    assert [schedule.factor(i) for i in range(10)] == pytest.approx(expected)


def test_a_cosine_decay_is_wkds_with_epochs_counted_from_one():
    schedule = Schedule(end=240, decay=90, cosine=True)
    for epoch in (1, 150, 151, 195, 240):
        past = max(epoch - 150, 0)
        expected = (1 + math.cos(past / 90 * math.pi)) / 2
        assert schedule.factor(epoch - 1) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("by_epoch", [True, False])
def test_it_follows_the_runner(by_epoch):
    hub = MessageHub.get_instance(f"schedule_{by_epoch}")
    schedule = Schedule(begin=3, by_epoch=by_epoch)
    assert schedule.now() == 0
    hub.update_info("epoch" if by_epoch else "iter", 3)
    assert schedule.now() == 1


@pytest.mark.parametrize(
    "arguments", [dict(begin=-1), dict(begin=3, end=3), dict(decay=2), dict(warmup=-2)]
)
def test_schedules_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueError, match=r"Schedule|negative|decay"):
        Schedule(**arguments)
