"""Scores, counts and schedules of the selection by entropy."""

import math

import pytest
import tiny  # noqa: F401  (before mmkd: makes the stack importable)
import torch
from mmengine.logging import MessageHub

from mmkd.logits.entropy import binary_entropy, entropy
from mmkd.registry import MODELS
from mmkd.selection import SelectByEntropy


@pytest.fixture(autouse=True)
def hub():
    """The run's position, which a test may set."""
    hub = MessageHub.get_current_instance()
    hub.update_info("iter", 0)
    hub.update_info("epoch", 0)
    yield hub
    hub.update_info("iter", 0)
    hub.update_info("epoch", 0)


def logits(samples=12, classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(samples, classes, generator=generator) * 3


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize(
    ("source", "score"),
    [
        ("student", lambda s, t: s),
        ("teacher", lambda s, t: t),
        ("product", lambda s, t: s * t),
        ("gap", lambda s, t: (s - t).abs()),
    ],
)
def test_the_samples_with_the_greatest_scores_are_kept(source, score, temperature):
    student, teacher = logits(seed=1), logits(seed=2)
    kept = SelectByEntropy(source, keep=0.4, temperature=temperature)([student], [teacher])
    expected = score(entropy(student, temperature), entropy(teacher, temperature)).topk(5).indices
    assert kept.tolist() == sorted(expected.tolist())


def test_the_lowest_scores_are_kept_and_grow_to_all(hub):
    teacher = logits(10, seed=2)
    schedule = dict(end=4, decay=4)
    select = SelectByEntropy("teacher", keep=0.2, order="lowest", schedule=schedule)
    order = entropy(teacher).argsort().tolist()
    counts = []
    for epoch in range(5):
        hub.update_info("epoch", epoch)
        kept = select([teacher], [teacher])
        counts.append(10 if kept is None else len(kept))
        assert kept is None or kept.tolist() == sorted(order[: len(kept)])
    assert counts == [2, 4, 6, 8, 10]


def test_several_teachers_count_by_their_mean():
    student, first, second = logits(seed=1), logits(seed=2), logits(seed=3)
    kept = SelectByEntropy("teacher", keep=0.25)([student, student], [first, second])
    expected = (entropy(first) + entropy(second)).topk(3).indices
    assert kept.tolist() == sorted(expected.tolist())


def test_sigmoids_have_their_own_entropy():
    student = logits()
    kept = SelectByEntropy(keep=0.25, activation="sigmoid")([student], [])
    assert kept.tolist() == sorted(binary_entropy(student).topk(3).indices.tolist())


@pytest.mark.parametrize(
    ("keep", "samples", "count"),
    [(0.5, 4, 2), (0.5, 5, 3), (0.1, 30, 3), (0.01, 5, 1), (0.3, 1, 1), (1.0, 7, 7), (0.99, 7, 7)],
)
def test_a_share_is_rounded_up(keep, samples, count):
    assert SelectByEntropy(keep=keep).count(samples) == count == math.ceil(keep * samples - 1e-9)


def test_all_samples_are_none_to_index_and_no_samples_are_possible():
    assert SelectByEntropy(keep=1.0)([logits()], []) is None
    assert SelectByEntropy(keep=0.5)([logits(0)], []) is None


def test_of_equal_samples_the_first_are_kept():
    assert SelectByEntropy(keep=0.5)([torch.zeros(6, 5)], []).tolist() == [0, 1, 2]


def test_a_schedule_goes_from_all_samples_to_the_share(hub):
    select = SelectByEntropy(keep=0.2, schedule=dict(begin=1, warmup=4))
    counts = []
    for epoch in range(6):
        hub.update_info("epoch", epoch)
        counts.append(select.count(10))
    assert counts == [10, 8, 6, 4, 2, 2]


def test_random_samples_depend_on_seed_and_iteration_alone(hub):
    select = SelectByEntropy("random", keep=0.5)

    def draw(seed, iteration):
        torch.manual_seed(seed)
        torch.rand(iteration)  # what was drawn before does not matter
        hub.update_info("iter", iteration)
        before = torch.random.get_rng_state()
        kept = select([logits(40)], [])
        assert torch.equal(torch.random.get_rng_state(), before)
        return kept.tolist()

    assert draw(1, 0) == draw(1, 0)
    assert draw(1, 3) == draw(1, 3)
    assert len({tuple(draw(seed, i)) for seed in (1, 2) for i in (0, 1, 2)}) == 6
    counts = torch.zeros(40)
    for i in range(200):
        counts[draw(0, i)] += 1
    assert len(draw(0, 0)) == 20
    assert counts.min() > 65  # 100 +- 5 standard deviations of 7.1
    assert counts.max() < 135


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(keep=0.0), "above 0 and at most 1, not 0.0"),
        (dict(keep=1.5), "above 0 and at most 1, not 1.5"),
        (dict(source="techer"), "not 'techer'. Did you mean 'teacher'?"),
        (dict(temperature=0.0), "must be positive"),
        (dict(activation="relu"), "not 'relu'"),
        (dict(order="first"), "not 'first'"),
        (dict(schedule=dict(wramup=2)), "Did you mean 'warmup'"),
        (dict(kep=0.5), "Did you mean 'keep'"),
        (dict(keep="half"), "takes a number"),
    ],
)
def test_wrong_arguments_are_refused_in_words(arguments, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        MODELS.build(dict(type="mmkd.SelectByEntropy", **arguments))
