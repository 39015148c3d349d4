"""RunningStandardize against NumPy, within a run and outside of one."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from mmkd.connectors import RunningStandardize


@pytest.fixture
def hub() -> Iterator[MessageHub]:
    yield MessageHub.get_instance("standardize")
    del MessageHub._instance_dict["standardize"]


def batches(count: int = 3, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(2.0, 3.0, size=(4, 5, 2, 3)) for _ in range(count)]


def test_statistics_follow_half_a_cosine_over_the_run(hub: MessageHub) -> None:
    module = RunningStandardize((4, 5, 2, 3), momentum=0.1).double()
    mean, deviation = np.zeros(5), np.ones(5)
    hub.update_info("max_iters", 3)
    for step, batch in enumerate(batches()):
        hub.update_info("iter", step)
        share = (1.0, 0.55, 0.1)[step]
        mean = (1 - share) * mean + share * batch.mean((0, 2, 3))
        deviation = (1 - share) * deviation + share * batch.std((0, 2, 3))
        expected = (batch - mean[:, None, None]) / deviation[:, None, None]
        np.testing.assert_allclose(module(torch.from_numpy(batch)), expected, rtol=1e-10)
    before = module.mean.clone()
    module.eval()(torch.from_numpy(batches(1, seed=1)[0]))
    assert torch.equal(module.mean, before)


def test_a_number_of_iterations_is_that_of_the_run_or_of_the_calls(hub: MessageHub) -> None:
    shape = (4, 5, 2, 3)
    of_calls = RunningStandardize(shape, iterations=3)
    in_a_run, of_run = RunningStandardize(shape, iterations=3), RunningStandardize(shape)
    maps = [torch.from_numpy(batch).float() for batch in batches()]
    expected = [of_calls(batch) for batch in maps]
    for step, batch in enumerate(maps):
        hub.update_info("iter", step)
        hub.update_info("max_iters", 90)
        torch.testing.assert_close(in_a_run(batch), expected[step])
        hub.update_info("max_iters", 3)
        torch.testing.assert_close(of_run(batch), expected[step])


def test_outside_of_a_run_it_is_the_mean_of_the_calls(hub: MessageHub) -> None:
    module, seen = RunningStandardize((4, 5)).double(), batches()
    for batch in seen:
        module(torch.from_numpy(batch[..., 0, 0]))
    expected = np.mean([batch[..., 0, 0].mean(0) for batch in seen], axis=0)
    np.testing.assert_allclose(module.mean, expected)


def test_tokens_and_maps_have_the_same_statistics(hub: MessageHub) -> None:
    maps = torch.from_numpy(batches(1)[0])
    tokens = maps.flatten(2).transpose(1, 2)
    of_maps = RunningStandardize(tuple(maps.shape)).double()(maps)
    of_tokens = RunningStandardize(tuple(tokens.shape)).double()(tokens)
    torch.testing.assert_close(of_tokens, of_maps.flatten(2).transpose(1, 2))


def test_a_constant_channel_stays_finite_and_no_sample_changes_nothing(hub: MessageHub) -> None:
    module = RunningStandardize((4, 5))
    assert module(torch.full((4, 5), 7.0)).eq(0).all()
    before = module.mean.clone()
    assert module(torch.zeros(0, 5)).shape == (0, 5)
    assert torch.equal(module.mean, before)
