"""Samples drawn by the teacher's entropy, whose expected gradient is that of equal chances."""

from types import SimpleNamespace
from typing import Any

import pytest
from runs import equal, separate_runs  # noqa: F401
from stored_runs import TERMS, build, go, settings

# isort: split
import torch
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from mmpretrain.structures import DataSample

from mmkd.hooks import ImportanceHook
from mmkd.hooks.model import distiller_of
from mmkd.logits.entropy import entropy
from mmkd.randomness.positions import PositionSampler
from mmkd.registry import DATA_SAMPLERS
from mmkd.store import Store, StoreError
from mmkd.store.entropy_sampler import EntropySampler, stored_entropies

SIZE = 20


@DATASETS.register_module(force=True)
class NumberedImages(DATASETS.get("CroppedImages")):  # type: ignore[misc]
    """Images whose data samples say which they are."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = super().__getitem__(index)
        item["data_samples"].set_field(int(index), "sample_idx", field_type="metainfo")
        return item


DATA = dict(batch_size=8, num_workers=0, dataset=dict(type="NumberedImages", size=SIZE))
ORDERLY = dict(DATA, sampler=dict(type="DefaultSampler", shuffle=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("sampler")


@pytest.fixture(scope="module")
def store(folder: Any) -> str:
    return str(build(folder / "build", folder / "store", dict(train_dataloader=ORDERLY)))


def sampler(store: str, **arguments: Any) -> EntropySampler:
    config = dict(type="mmkd.EntropySampler", store=store, temperature=2.0, seed=3, **arguments)
    made: EntropySampler = DATA_SAMPLERS.build(config, default_args=dict(dataset=range(SIZE)))
    return made


def test_the_chances_are_the_entropies_mixed_with_equal_ones(store: str) -> None:
    records = Store(store).shards.read([*range(SIZE)], [0] * SIZE)
    known = entropy(records["teacher.logits"].float(), 2.0).double()
    expected = 0.3 / SIZE + 0.7 * known / known.sum()
    made = sampler(store, uniform=0.3)
    torch.testing.assert_close(made.probabilities, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(made.importance.double(), 1 / (SIZE * expected), rtol=1e-6, atol=0)
    assert made.importance.max() <= 1 / 0.3
    kept = stored_entropies(Store(store), "teacher", 3.0)  # eps is 0 here and not 1e-10
    assert torch.equal(kept, entropy(records["teacher.logits"].float(), 3.0))


def test_each_sample_is_drawn_as_often_as_its_chance_says(store: str) -> None:
    made, counts = sampler(store, uniform=0.2), torch.zeros(SIZE, dtype=torch.float64)
    made.probabilities = torch.linspace(0.02, 0.08, SIZE, dtype=torch.float64)
    made.probabilities /= made.probabilities.sum()
    wanted = SIZE * made.probabilities
    for epoch in range(400):
        made.set_epoch(epoch)
        drawn = torch.tensor([*made]).bincount(minlength=SIZE)
        assert ((drawn - wanted).abs() < 1).all()
        counts += drawn
    assert (counts / 400 - wanted).abs().max() < 5 * 0.5 / 400**0.5


def test_draws_depend_on_seed_and_epoch_and_processes_share_them(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sampler(store)
    first = [*made]
    assert len(first) == len(made) == SIZE
    assert [*sampler(store)] == first
    made.set_epoch(1)
    assert [*made] != first
    parts = []
    for rank in range(3):
        monkeypatch.setattr("mmkd.store.entropy_sampler.get_dist_info", lambda r=rank: (r, 3))
        parts.append([*sampler(store)])
    assert [len(part) for part in parts] == [7, 7, 7]


def test_a_repeated_sample_is_the_same_view(store: str) -> None:
    made = sampler(store)
    made.probabilities = torch.tensor([0.9] + [0.1 / (SIZE - 1)] * (SIZE - 1)).double()
    positions = [*PositionSampler(made, SIZE, seed=0, views=None)]
    assert positions.count(0) >= 17
    assert {(each.view, each.repetition) for each in positions} == {(0, 0)}


def test_the_expected_gradient_is_that_of_equal_chances(folder: Any, store: str) -> None:
    """Sum over samples of chance times weighted gradient, against the plain mean."""
    model: Any = distiller_of(Runner.from_cfg(settings(folder / "gradient"))).eval()
    made = sampler(store, uniform=0.2)
    made.probabilities = torch.linspace(0.02, 0.08, SIZE, dtype=torch.float64)
    made.importance = (1 / (SIZE * made.probabilities)).float()
    images = torch.randn(SIZE, 3, 16, 16)
    samples = [DataSample().set_gt_label(index % 5) for index in range(SIZE)]
    for index, sample in enumerate(samples):
        sample.set_field(index, "sample_idx", field_type="metainfo")

    def gradient(indices: list[int]) -> torch.Tensor:
        model.zero_grad()
        data = [samples[index] for index in indices]
        hook.before_train_iter(runner, 0, dict(data_samples=data))
        losses = model(images[indices], data, mode="loss")
        sum(value for name, value in losses.items() if "loss" in name).backward()
        return torch.cat([p.grad.flatten() for p in model.student.parameters()])

    hook, runner = ImportanceHook(), SimpleNamespace(model=model)
    runner.train_dataloader = SimpleNamespace(batch_sampler=SimpleNamespace(sampler=made))
    plain = SimpleNamespace(batch_sampler=SimpleNamespace(sampler=range(SIZE)))
    hook.before_train(SimpleNamespace(train_dataloader=plain, model=model))
    mean = gradient([*range(SIZE)])
    hook.before_train(runner)
    chances = made.probabilities.float()
    expected = sum(chances[index] * gradient([index]) for index in range(SIZE))
    torch.testing.assert_close(expected, mean, rtol=1e-4, atol=1e-5)
    weighted = gradient([4])
    hook.after_train(runner)
    torch.testing.assert_close(weighted, made.importance[4] * gradient([4]))


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(folder: Any, store: str) -> None:
    drawn = dict(type="mmkd.EntropySampler", store=store, temperature=2.0)
    hooks = dict(settings(folder / "x").default_hooks, importance=dict(type="mmkd.ImportanceHook"))
    run = dict(train_dataloader=dict(DATA, sampler=drawn), default_hooks=hooks)
    whole, one = go(folder / "whole", store, **run)
    go(folder / "parts", store, epochs=1, **run)
    rest, other = go(folder / "parts", store, resume=True, **run)
    assert equal(one.model.state_dict(), other.model.state_dict())
    assert rest == whole[len(whole) - len(rest) :]
    unweighted, _ = go(
        folder / "plain", store, **{**run, "default_hooks": settings(folder / "y").default_hooks}
    )
    assert unweighted[:2] == whole[:2]
    assert unweighted != whole


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(uniform=0.0), "above 0 and at most 1, not 0.0"),
        (dict(teacher="other"), "is of the teachers teacher"),
        (dict(dataset=range(5)), "20 samples, and the data set 5"),
        (dict(unifrom=0.5), "Did you mean 'uniform'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    store: str, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises((StoreError, ValueError), match=words):
        sampler(store, **arguments)


def test_an_entropy_that_a_store_does_not_keep_is_refused(folder: Any) -> None:
    some = build(folder / "build", folder / "some", dict(train_dataloader=ORDERLY), top_k=2)
    with pytest.raises(StoreError, match=r"keeps the entropies of \[\(3.0, 1e-10\)\]"):
        sampler(str(some))


def test_terms_on_features_cannot_be_corrected(folder: Any, store: str) -> None:
    hint = dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.HintLoss"))
    model = Runner.from_cfg(settings(folder / "hint", terms=dict(TERMS, hint=hint))).model
    loader = SimpleNamespace(batch_sampler=SimpleNamespace(sampler=sampler(store)))
    with pytest.raises(ValueError, match="the terms need more: backbone"):
        ImportanceHook().before_train(SimpleNamespace(train_dataloader=loader, model=model))
