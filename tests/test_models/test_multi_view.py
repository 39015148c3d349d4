"""mmkd.MultiViewDataPreprocessor."""

from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from mmengine.dataset import default_collate, pseudo_collate
from mmengine.registry import MODELS
from mmpretrain.structures import DataSample
from tiny import KD, PREPROCESSOR, batch, distiller, losses_of
from torch import Tensor
from torch.nn.functional import cross_entropy

TWO_VIEWS = dict(PREPROCESSOR, type="mmkd.MultiViewDataPreprocessor")
LABELS = [3, 0, 4]


def images(size: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (size, 3, 8, 8), generator=generator, dtype=torch.uint8)


def loaded(*views: Tensor, collate: Any = pseudo_collate) -> dict[str, Any]:
    """Return the batch of a dataloader for images of which the pipeline made views."""
    items = []
    for index, label in enumerate(LABELS):
        sample = DataSample(metainfo=dict(sample_idx=index)).set_gt_label(label)
        items.append(dict(inputs=[view[index] for view in views], data_samples=sample))
    return collate(items)


@pytest.mark.parametrize("collate", [pseudo_collate, default_collate])
def test_views_follow_each_other(collate: Any) -> None:
    weak, strong = images(seed=0), images(seed=1)
    data = MODELS.build(TWO_VIEWS)(loaded(weak, strong, collate=collate), training=True)
    mean, std = (torch.tensor(PREPROCESSOR[key]).view(3, 1, 1) for key in ("mean", "std"))
    torch.testing.assert_close(data["inputs"], (torch.cat([weak, strong]) - mean) / std)
    assert [sample.gt_label.item() for sample in data["data_samples"]] == [*LABELS, *LABELS]
    assert [sample.sample_idx for sample in data["data_samples"]] == [0, 1, 2, 0, 1, 2]
    assert len({id(sample) for sample in data["data_samples"]}) == 6


def test_three_views() -> None:
    views = [images(seed=seed) for seed in range(3)]
    data = MODELS.build(dict(TWO_VIEWS, views=3))(loaded(*views), training=True)
    assert data["inputs"].shape == (9, 3, 8, 8)
    assert len(data["data_samples"]) == 9


@pytest.mark.parametrize("as_list", [True, False])
def test_validation_is_as_in_mmpretrain(as_list: bool) -> None:
    data = batch(4)
    if as_list:
        data["inputs"] = list(data["inputs"])
    plain = MODELS.build(dict(PREPROCESSOR, type="mmpretrain.ClsDataPreprocessor"))
    expected = plain(data)
    found = MODELS.build(TWO_VIEWS)(data)
    assert torch.equal(found["inputs"], expected["inputs"])
    assert found["data_samples"] == expected["data_samples"]


def test_mixup_sees_all_views() -> None:
    augments = dict(augments=dict(type="Mixup", alpha=1.0))
    preprocessor = MODELS.build(dict(TWO_VIEWS, batch_augments=augments))
    data = preprocessor(loaded(images(), images(seed=1)), training=True)
    assert all(sample.gt_score.sum() == pytest.approx(1) for sample in data["data_samples"])
    assert len(data["data_samples"]) == 6


def test_a_batch_without_views_is_refused_in_training() -> None:
    with pytest.raises(ValueError, match=r"has 1 views .* expects 2.*MultiView"):
        MODELS.build(TWO_VIEWS)(batch(), training=True)
    with pytest.raises(ValueError, match="has 3 views"):
        MODELS.build(TWO_VIEWS)(loaded(images(), images(), images()), training=True)
    with pytest.raises(ValueError, match="at least 2, not 1"):
        MODELS.build(dict(TWO_VIEWS, views=1))


def test_losses_are_those_of_both_views() -> None:
    """Cross-entropy with weight 0.2 is 0.1 * (weak + strong); the term is the mean of both."""
    model = distiller(
        data_preprocessor=TWO_VIEWS, student_loss_weight=0.2, terms=KD, input_shape=(3, 8, 8)
    )
    weak, strong = images(seed=0), images(seed=1)
    model.eval()  # so that batch normalisation does not couple the views
    data = model.data_preprocessor(loaded(weak, strong), training=True)
    losses = model(**data, mode="loss")
    labels = torch.tensor(LABELS)
    halves, terms = [], []
    for view in (weak, strong):
        prepared = model.data_preprocessor(dict(inputs=view))["inputs"]
        student = model.student(prepared)
        teacher = model.teachers["teacher"].predict(prepared, [DataSample() for _ in LABELS])
        halves.append(cross_entropy(student, labels))
        scores = torch.stack([sample.pred_score for sample in teacher])
        logits = scores.log()  # up to a constant of each sample, which a softmax ignores
        terms.append(model.terms["kd"].loss(student, logits))
    torch.testing.assert_close(losses["loss"], 0.1 * (halves[0] + halves[1]))
    torch.testing.assert_close(losses["loss_kd"], (terms[0] + terms[1]) / 2, rtol=1e-4, atol=1e-6)


def test_a_step_reaches_the_student() -> None:
    model = distiller(data_preprocessor=TWO_VIEWS, input_shape=(3, 8, 8))
    losses = losses_of(model, loaded(images(seed=0), images(seed=1)))
    sum(value for key, value in losses.items() if "loss" in key).backward()
    assert all(parameter.grad is not None for parameter in model.student.parameters())
