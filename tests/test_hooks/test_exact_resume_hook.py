"""Resumed runs compared with uninterrupted ones."""

import inspect

import pytest
from mmengine.runner import IterBasedTrainLoop
from noisy_runs import go, whole_and_resumed
from runs import convnet, equal, initialised, loader, log_text, run
from tool_runs import ROOT, run_in_two_processes

# isort: split
import torch

from mmkd.hooks import ExactResumeHook

SCRIPT = ROOT / "tests/test_runs/exact_in_processes.py"
ONEDL = "fast_forward_on_resume" in inspect.signature(IterBasedTrainLoop).parameters
PER_RANK = dict(seed=3, diff_rank_seed=True)


@pytest.fixture(autouse=True)
def no_pause_between_passes(monkeypatch):
    """MMEngine waits for two seconds before a loop over iterations begins with its data again."""
    monkeypatch.setattr("mmengine.runner.loops.time.sleep", lambda seconds: None)


def same(one, other):
    return equal(one.model.state_dict(), other.model.state_dict())


def slow(**settings):
    """Settings of a run that takes long."""
    return pytest.param(settings, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "settings",
    [
        dict(),
        dict(workers=2),
        slow(workers=1, persistent=False),
        dict(randomness=PER_RANK),
        dict(by_epoch=False),
        slow(by_epoch=False, workers=2),
        dict(by_epoch=False, randomness=PER_RANK),
        slow(by_epoch=False, endless=False),
    ],
    ids=str,
)
def test_a_resumed_run_ends_as_if_uninterrupted(tmp_path, settings):
    whole, resumed = whole_and_resumed(tmp_path, **settings)
    assert resumed.iter == 6 if settings.get("by_epoch", True) else 3
    assert same(whole, resumed)


@pytest.mark.parametrize("by_epoch", [True, False])
def test_without_the_hook_it_does_not(tmp_path, by_epoch):
    whole, resumed = whole_and_resumed(tmp_path, by_epoch=by_epoch, exact=False)
    assert not same(whole, resumed)


@pytest.mark.skipif(not ONEDL, reason="the original MMEngine has no such option")
def test_fast_forward_begins_where_the_run_was(tmp_path):
    loop = dict(fast_forward_on_resume=True)
    assert same(*whole_and_resumed(tmp_path, by_epoch=False, loop=loop))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_over_epochs_goes_on_within_an_epoch(tmp_path, workers):
    """A run that a signal stops leaves a checkpoint of any iteration."""
    initialised(convnet(), tmp_path / "teacher.pth")
    hooks = dict(
        default_hooks=dict(
            checkpoint=dict(type="CheckpointHook", interval=1, by_epoch=False),
            exact_resume=dict(type="mmkd.ExactResumeHook"),
        )
    )
    whole = go(tmp_path / "whole", 2, workers=workers, **hooks)
    for iteration in (1, 2, 3):
        (tmp_path / "whole/last_checkpoint").write_text(
            str(tmp_path / f"whole/iter_{iteration}.pth")
        )
        resumed = go(tmp_path / "whole", 2, workers=workers, resume=True, **hooks)
        assert resumed.iter == 4
        assert same(whole, resumed)


def test_the_number_of_workers_changes_nothing(tmp_path):
    initialised(convnet(), tmp_path / "teacher.pth")
    runs = [go(tmp_path / str(workers), 2, workers=workers) for workers in (0, 2)]
    assert same(*runs)


def test_a_run_without_a_seed_goes_on_with_the_one_it_drew(tmp_path):
    initialised(convnet(), tmp_path / "teacher.pth")
    drawn = go(tmp_path / "parts", 1, randomness=dict(seed=None)).seed
    resumed = go(tmp_path / "parts", 3, resume=True, randomness=dict(seed=None))
    assert same(go(tmp_path / "whole", 3, randomness=dict(seed=drawn)), resumed)


def test_a_plain_network_resumes_exactly_too(tmp_path):
    def train(folder, epochs, resume=False):
        return run(
            tmp_path / folder,
            convnet(dropout=0.5),
            train_dataloader=dict(loader(shuffle=True), dataset=dict(type="NoisyImages")),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            default_hooks=dict(
                checkpoint=dict(type="CheckpointHook", interval=1),
                exact_resume=dict(type="mmkd.ExactResumeHook"),
            ),
            resume=resume,
        )

    whole = train("whole", 2)
    train("parts", 1)
    assert same(whole, train("parts", 2, resume=True))


def images_of(runner, epoch):
    """The images that a run would see in an epoch, in the order of the data set."""
    [hook] = [hook for hook in runner.hooks if isinstance(hook, ExactResumeHook)]
    runner.train_loop._epoch = epoch
    hook.before_train_epoch(runner)
    runner.train_dataloader.batch_sampler.sampler.shuffle = False
    batches = [batch["inputs"] for batch in runner.train_dataloader]
    return torch.stack([image for batch in batches for image in batch])


@pytest.mark.parametrize("workers", [0, 1])
def test_each_epoch_has_random_numbers_of_its_own(tmp_path, workers):
    """Workers that start with the same seed in each epoch would repeat them."""
    initialised(convnet(), tmp_path / "teacher.pth")
    runner = go(tmp_path / "run", 1, workers=workers)
    first = images_of(runner, 1)
    assert torch.equal(images_of(runner, 1), first)
    assert not torch.isclose(images_of(runner, 2), first).any()


def test_views_begin_again(tmp_path):
    initialised(convnet(), tmp_path / "teacher.pth")
    hook = dict(type="mmkd.ExactResumeHook", views=2)
    runner = go(tmp_path / "run", 1, exact=False, custom_hooks=[hook])
    assert torch.equal(images_of(runner, 1), images_of(runner, 3))
    assert not torch.isclose(images_of(runner, 1), images_of(runner, 2)).any()


def test_it_warns_of_a_transform_that_draws_elsewhere(tmp_path):
    initialised(convnet(), tmp_path / "teacher.pth")
    data = dict(loader(), dataset=dict(type="UnseededImages"))
    assert "loaded twice" not in log_text(go(tmp_path / "seeded", 1))
    assert "sample 0, loaded twice, differs in 'inputs'" in log_text(
        go(tmp_path / "run", 1, train_dataloader=data)
    )


def test_views_are_a_positive_number():
    with pytest.raises(ValueError, match="views must be at least 1 or None, not 0"):
        ExactResumeHook(views=0)


@pytest.mark.slow
def test_two_processes_end_as_if_uninterrupted(tmp_path):
    """The script compares: each process has its own weights to look at."""
    run_in_two_processes(SCRIPT, tmp_path)
    states = [torch.load(tmp_path / f"rank_{rank}.pth") for rank in range(2)]
    assert equal(states[0], states[1])
