"""Reports of the guard about hanging processes, without a run; tests/test_faults has one."""

import threading
import time

import pytest
from torch.distributed import HashStore

from mmkd.hooks import HangGuardHook, hang_guard_hook

HERE = "is in sleep, tests/x.py:3"
EXCHANGING = "is in all_reduce, /site-packages/torch/distributed/distributed_c10d.py:3000"


@pytest.fixture
def guard(monkeypatch):
    monkeypatch.setattr(hang_guard_hook, "get_world_size", lambda: 3)
    monkeypatch.setattr(hang_guard_hook, "get_rank", lambda: 0)
    return HangGuardHook(timeout=60, answer=0)


def report(guard, **stands: str) -> str:
    store = HashStore()
    for rank, place in stands.items():
        store.set(f"mmkd/stands/{rank.removeprefix('rank')}", place)
    return guard._report(threading.get_ident(), store)


@pytest.fixture
def exchanging(monkeypatch):
    monkeypatch.setattr(hang_guard_hook, "_place", lambda thread: EXCHANGING)


def test_the_rank_that_is_not_in_an_exchange_is_named_with_its_place(guard, exchanging):
    words = report(guard, rank1=EXCHANGING, rank2=HERE)
    assert f"No progress for 60 s in iteration 1 of training: rank 2 {HERE}. The run" in words


def test_a_rank_that_does_not_answer_is_named(guard, exchanging):
    assert "training: rank 1 does not answer. The run" in report(guard, rank2=EXCHANGING)


def test_where_all_wait_it_says_so(guard, exchanging):
    words = report(guard, rank1=EXCHANGING, rank2=EXCHANGING)
    assert "training: all ranks wait for each other. The run" in words


def test_a_place_is_the_innermost_function_of_a_thread():
    began = threading.Event()

    def hang() -> None:
        began.set()
        time.sleep(0.5)

    thread = threading.Thread(target=hang)
    thread.start()
    began.wait()
    time.sleep(0.05)
    assert "is in hang, " in hang_guard_hook._place(thread.ident)
    thread.join()
    assert hang_guard_hook._place(thread.ident) == "has ended"
