"""Resumed runs against uninterrupted ones."""

import inspect

import pytest
import torch
from mmengine.runner import IterBasedTrainLoop
from noisy_runs import go, whole_and_resumed
from runs import convnet, equal, initialised, log_text
from tool_runs import ROOT, run_in_two_processes

from mmkd.hooks import ExactResumeHook

SCRIPT = ROOT / "tests/test_runs/exact_in_processes.py"
ONEDL = "fast_forward_on_resume" in inspect.signature(IterBasedTrainLoop).parameters
PER_RANK = dict(seed=3, diff_rank_seed=True)


def same(one, other):
    return equal(one.model.state_dict(), other.model.state_dict())


@pytest.mark.parametrize(
    "settings", [dict(), dict(workers=1), dict(randomness=PER_RANK)], ids=["0", "1", "per_rank"]
)
def test_a_run_resumed_at_an_epoch_ends_as_if_uninterrupted(tmp_path, settings):
    whole, resumed = whole_and_resumed(tmp_path, **settings)
    assert resumed.iter == 6
    assert same(whole, resumed)


def test_a_run_resumed_at_an_iteration_ends_as_if_uninterrupted(tmp_path):
    whole, resumed = whole_and_resumed(tmp_path, by_epoch=False)
    assert resumed.iter == 3
    assert same(whole, resumed) == ONEDL
    assert ("loads the images that it skips" in log_text(resumed)) != ONEDL


@pytest.mark.parametrize("by_epoch", [True, False])
def test_without_the_hook_it_does_not(tmp_path, by_epoch):
    whole, resumed = whole_and_resumed(tmp_path, by_epoch=by_epoch, exact=False)
    assert not same(whole, resumed)


def test_a_run_without_a_seed_goes_on_with_the_one_it_drew(tmp_path):
    initialised(convnet(), tmp_path / "teacher.pth")
    drawn = go(tmp_path / "parts", 1, randomness=dict(seed=None)).seed
    resumed = go(tmp_path / "parts", 3, resume=True, randomness=dict(seed=None))
    assert same(go(tmp_path / "whole", 3, randomness=dict(seed=drawn)), resumed)


@pytest.mark.parametrize("workers", [0, 1])
def test_each_epoch_has_random_numbers_of_its_own(tmp_path, workers):
    """Workers that start with the same seed in each epoch would repeat them."""
    initialised(convnet(), tmp_path / "teacher.pth")
    runner = go(tmp_path / "run", 1, workers=workers)
    [hook] = [hook for hook in runner.hooks if isinstance(hook, ExactResumeHook)]

    def images(epoch):
        runner.train_loop._epoch = epoch
        hook.before_train_epoch(runner)
        batches = [batch["inputs"] for batch in runner.train_dataloader]
        return torch.stack([image for batch in batches for image in batch])

    assert torch.equal(images(1), images(1))
    assert not torch.isclose(images(1), images(2)).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(workers=1), "the workers' random generators go on"),
        pytest.param(
            dict(loop=dict(fast_forward_on_resume=True)),
            "begins with the first image again",
            marks=pytest.mark.skipif(not ONEDL, reason="the original MMEngine has no such option"),
        ),
    ],
)
def test_it_warns_of_runs_over_iterations_that_it_cannot_make_exact(tmp_path, arguments, words):
    initialised(convnet(), tmp_path / "teacher.pth")
    assert words in log_text(go(tmp_path / "run", 1, by_epoch=False, **arguments))


@pytest.mark.slow
def test_two_processes_end_as_if_uninterrupted(tmp_path):
    """The script compares: each process has its own weights to look at."""
    run_in_two_processes(SCRIPT, tmp_path)
    states = [torch.load(tmp_path / f"rank_{rank}.pth") for rank in range(2)]
    assert equal(states[0], states[1])
