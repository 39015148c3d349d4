"""Records of logits."""

import pytest
import torch

from mmkd.logits.entropy import entropy
from mmkd.store.stored_logits import StoredLogits
from mmkd.store.values import Full, Sampled, TopK, read_values, write_values

GENERATOR = torch.Generator()


def logits(classes=100, count=64):
    return torch.randn(count, classes, generator=torch.Generator().manual_seed(0)) * 4


def restored(values, given):
    return values.decode(values.encode(given, GENERATOR.manual_seed(1)), given.shape[1])


def test_full_logits_come_back_as_they_were():
    assert torch.equal(restored(Full(), logits()), logits())
    assert torch.equal(restored(Full("float16"), logits()), logits().half().float())


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_greatest_logits_keep_their_probabilities_and_the_mass_of_the_others(temperature):
    given = logits()
    exact = (given / temperature).softmax(1)
    kept = (restored(TopK(10, temperature), given) / temperature).softmax(1)
    values, indices = exact.topk(10)
    torch.testing.assert_close(kept.gather(1, indices), values, rtol=4e-3, atol=1e-6)
    rest = kept.scatter(1, indices, 0.0)
    torch.testing.assert_close(rest.sum(1), 1 - values.sum(1), rtol=5e-3, atol=1e-5)
    others = rest[rest > 0].reshape(len(given), 90)
    torch.testing.assert_close(others.amin(1), others.amax(1))


def test_draws_estimate_the_distribution_without_bias():
    given = logits(classes=5, count=3)
    kept = (restored(Sampled(20000, 2.0), given) / 2.0).softmax(1)
    torch.testing.assert_close(kept, (given / 2.0).softmax(1), rtol=0, atol=0.015)


@pytest.mark.parametrize(
    ("values", "classes", "size"),
    [
        (Full(), 100, 400),
        (Full("float16"), 100, 200),
        (TopK(10, 4.0), 100, 32),
        (TopK(10, 4.0), 1000, 42),
        (TopK(10, 4.0), 40000, 62),
        (Sampled(50, 4.0), 100, 50),
        (Sampled(50, 4.0), 1000, 100),
    ],
)
def test_the_size_of_a_record(values, classes, size):
    """docs/teacher_store.md has these numbers. An entropy comes to that."""
    columns = values.encode(logits(classes, 2), GENERATOR)
    assert sum(column[0].nbytes for column in columns.values()) == size
    assert restored(values, logits(classes, 2)).shape == (2, classes)
    assert read_values(write_values(values)) == values


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="below the 100 classes, not 100"):
        TopK(100, 4.0).encode(logits(), GENERATOR)
    with pytest.raises(ValueError, match="--sampled is at least 1, not 0"):
        Sampled(0, 4.0).encode(logits(), GENERATOR)
    with pytest.raises(ValueError, match="float32 or float16, not int8"):
        Full("int8")


def test_stored_logits_know_their_entropies():
    given = restored(TopK(3, 4.0), logits())
    true = entropy(logits(), 3.0)
    stored = StoredLogits.of(given, {(3.0, 0.0): true})
    for same in (stored, stored.detach(), stored.float(), stored.to(torch.float32)):
        assert torch.equal(entropy(same, 3.0), true)
    assert torch.equal(entropy(stored, 2.0), entropy(given, 2.0))
    assert not torch.allclose(true, entropy(given, 3.0), atol=0.1)
    assert type(stored + 1) is torch.Tensor
    assert type(stored.log_softmax(-1)) is torch.Tensor


def test_chosen_samples_keep_their_entropies():
    stored = StoredLogits.of(logits(), {(3.0, 0.0): torch.arange(float(len(logits())))})
    chosen = stored.index_select(0, torch.tensor([2, 0]))
    assert entropy(chosen, 3.0).tolist() == [2.0, 0.0]
    assert torch.equal(chosen + 0, logits()[[2, 0]])
