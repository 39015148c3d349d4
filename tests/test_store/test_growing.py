"""Runs that add to their store what it lacks."""

import time
from types import SimpleNamespace

import pytest
from cohorts import MEMBERS, cohort, train
from runs import checkpoints, convnet, equal, initialised
from runs import loader as tiny_loader
from stored_runs import DATA, build, go

# isort: split
from mmkd.hooks.hang_guard_hook import HangGuardHook, unwatched
from mmkd.store import Manifest, StoreError, verify_store
from mmkd.store.shards import write_shard

WORKERS = dict(tiny_loader(shuffle=True), dataset=dict(DATA), num_workers=2)
ENDLESS = dict(WORKERS, num_workers=0, sampler=dict(type="InfiniteSampler", shuffle=True))


def growing(folder, **arguments):
    return dict(path=str(folder / "grown"), grow=True, **arguments)


def views(folder):
    return Manifest.read(str(folder / "grown")).views


@pytest.mark.slow
@pytest.mark.parametrize(
    "run",
    [
        dict(train_dataloader=WORKERS),
        dict(train_dataloader=ENDLESS, train_cfg=dict(by_epoch=False, max_iters=5)),
    ],
    ids=["workers", "iterations"],
)
def test_a_store_grows_from_nothing_with_the_losses_of_the_teacher(tmp_path, run):
    online, one = go(tmp_path / "online", **run)
    grown, other = go(tmp_path / "growing", growing(tmp_path), **run)
    assert grown == online
    assert equal(one.model.state_dict(), other.model.state_dict())
    assert not other.model.teachers["teacher"].network.state_dict()
    assert verify_store(str(tmp_path / "grown")) == views(tmp_path) == 2
    again, _ = go(tmp_path / "again", tmp_path / "grown", **run)
    assert again == online


def test_a_run_that_was_killed_goes_on_with_the_missing_shards(tmp_path, monkeypatch):
    monkeypatch.setattr("mmkd.store.recording.SHARD_RECORDS", 8)
    online, _ = go(tmp_path / "online")
    written = []

    def killed(path, key, columns):
        if len(written) == 4:
            raise KeyboardInterrupt
        written.append(key)
        write_shard(path, key, columns)

    with monkeypatch.context() as patch:
        patch.setattr("mmkd.store.recording.write_shard", killed)
        with pytest.raises(KeyboardInterrupt):
            go(tmp_path / "run", growing(tmp_path))
    assert written == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert views(tmp_path) == 1
    first = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("shard_*.safetensors")}
    rest, _ = go(tmp_path / "run", growing(tmp_path), resume=True)
    assert rest == online[len(online) // 2 :]
    assert all(path.stat().st_mtime_ns == time for path, time in first.items())
    assert verify_store(str(tmp_path / "grown")) == 6


@pytest.mark.slow
def test_views_of_the_first_epochs_serve_the_later_ones(tmp_path):
    hook = dict(type="mmkd.ExactResumeHook", views=2)
    hooks = dict(checkpoints()["default_hooks"], exact_resume=hook)
    online, _ = go(tmp_path / "online", epochs=3, default_hooks=hooks)
    grown, _ = go(tmp_path / "growing", growing(tmp_path, views=2), epochs=3)
    assert grown == online
    assert views(tmp_path) == 2


@pytest.mark.slow
def test_views_are_added_in_the_store_s_own_kind(tmp_path):
    build(tmp_path / "build", tmp_path / "grown", views=1, top_k=3)
    most = build(tmp_path / "build", tmp_path / "most", top_k=3)
    expected, _ = go(tmp_path / "stored", most)
    seed = dict(seed=5)  # the samples have the store's seed, and not that of the run
    other, _ = go(tmp_path / "other", growing(tmp_path), randomness=seed)
    assert len(other) == len(expected)
    grown, _ = go(tmp_path / "growing", growing(tmp_path))
    assert grown == expected
    assert views(tmp_path) == 2


def test_a_missing_shard_is_computed_anew(tmp_path):
    build(tmp_path / "build", tmp_path / "grown")
    (tmp_path / "grown/view_0000/shard_00000.sha256").unlink()
    go(tmp_path / "growing", growing(tmp_path))
    assert verify_store(str(tmp_path / "grown")) == 2


@pytest.mark.parametrize("kind", ["weights", "place"])
def test_another_teacher_adds_nothing(tmp_path, kind):
    build(tmp_path / "build", tmp_path / "grown", views=1)
    words = "other tensors: .*'head.fc', 4.* there, .*'head.fc', 5"
    if kind == "weights":
        initialised(convnet(), tmp_path / "teacher.pth", seed=3)
        words = "other weights of the teacher 'teacher'"
    else:
        manifest = Manifest.read(str(tmp_path / "grown"))
        manifest.teachers["teacher"].classes = 4
        manifest.write(tmp_path / "grown")
    with pytest.raises(StoreError, match=words):
        go(tmp_path / "growing", growing(tmp_path))


@pytest.mark.slow
def test_a_cohort_grows_its_store(tmp_path):
    file = str(initialised(convnet(12), tmp_path / "teacher.pth"))
    model = cohort({name: MEMBERS[name] for name in ("kd", "er")})
    model["teacher"] = dict(model=convnet(12), checkpoint=file)
    online = train(tmp_path / "online", model)
    grown = train(tmp_path / "growing", dict(model, store=growing(tmp_path)))
    assert equal(online.model.state_dict(), grown.model.state_dict())
    assert Manifest.read(str(tmp_path / "grown")).entropies == [[4.0, 0.0]]
    for member in grown.model.members.values():
        assert not member.lessons["teacher"].teacher.network.state_dict()


def test_a_growing_store_is_no_hanging_run():
    guard = HangGuardHook()
    runner = SimpleNamespace(hooks=[guard], iter=3)
    guard._progress = before = time.monotonic() - 1
    with unwatched(runner):
        assert not guard.watches
    assert guard.watches
    assert guard._progress > before
