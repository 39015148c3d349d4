"""TeacherDropping: who is kept, how often the others are dropped, and what the weights sum to."""

import pytest
import torch

from mmkd.weights import TeacherDropping


def losses(count: int = 3, samples: int = 4000) -> torch.Tensor:
    return torch.rand(count, samples, generator=torch.Generator().manual_seed(0))


def test_the_teacher_of_the_largest_loss_stays_and_others_are_dropped_at_random() -> None:
    torch.manual_seed(1)
    each = losses()
    weights = TeacherDropping(drop=0.3)(each)
    torch.testing.assert_close(weights.sum(0), torch.ones(4000))
    largest = each.argmax(0)
    assert weights.gather(0, largest[None]).gt(0).all()
    others = weights.scatter(0, largest[None], -1.0)
    kept = float((others > 0).sum() / (others >= 0).sum())
    assert kept == pytest.approx(0.7, abs=0.02)
    count = (weights > 0).sum(0)
    torch.testing.assert_close(weights.amax(0), 1 / count)


def test_the_ends_are_the_worst_teacher_alone_and_all_alike() -> None:
    each = losses(samples=10)
    torch.testing.assert_close(TeacherDropping(drop=0.0)(each), torch.full((3, 10), 1 / 3))
    alone = TeacherDropping(drop=1.0)(each)
    assert torch.equal(alone.argmax(0), each.argmax(0))
    assert alone.amax(0).eq(1).all()
    torch.testing.assert_close(TeacherDropping(drop=1.0).eval()(each), torch.full((3, 10), 1 / 3))


def test_the_released_code_divides_by_the_number_that_the_batch_keeps() -> None:
    each = losses(samples=6)
    torch.manual_seed(1)
    weights = TeacherDropping(released_code=True)(each)
    torch.manual_seed(1)
    kept = TeacherDropping()(each) > 0
    assert len(kept.sum(0).unique()) > 1
    # The mean over samples is the released sum over all, divided by the number kept.
    torch.testing.assert_close((weights * each).sum(0).mean(), each[kept].sum() / kept.sum())


def test_drop_is_a_probability() -> None:
    with pytest.raises(ValueError, match="a probability"):
        TeacherDropping(drop=1.5)
