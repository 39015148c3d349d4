"""DIST and MLKD as terms: their weights, their teachers, and the views of a batch."""

from typing import Any

import pytest
import tiny
import torch
from mmengine.optim import OptimWrapper

from mmkd.registry import MODELS

LOSSES = {"dist": dict(type="mmkd.DISTLoss"), "mlkd": dict(type="mmkd.MLKDLoss")}
NAMES = pytest.mark.parametrize("name", LOSSES)
ENTROPY = dict(type="mmkd.EntropyWeight")
TWO = dict(tiny.PREPROCESSOR, type="mmkd.MultiViewDataPreprocessor", views=2)
THREE = dict(TWO, views=3)


def views(count: int, size: int = 4) -> dict[str, Any]:
    batches = [tiny.batch(size, seed) for seed in range(count)]
    return dict(
        inputs=[batch["inputs"] for batch in batches], data_samples=batches[0]["data_samples"]
    )


def mlkd(count: int, **options: Any) -> dict[str, Any]:
    return dict(terms=dict(mlkd=dict(loss=dict(type="mmkd.MLKDLoss", views=count, **options))))


@NAMES
def test_an_entropy_weight_multiplies_the_part_of_each_sample(name: str) -> None:
    terms = dict(plain=dict(loss=LOSSES[name]), er=dict(loss=LOSSES[name], sample_weight=ENTROPY))
    model = tiny.distiller(terms=terms)
    steps: list[Any] = []
    model.observe(steps.append)
    losses = tiny.losses_of(model)
    [student] = steps[0].features["student"].values()
    [teacher] = steps[0].teacher_logits.values()
    loss, weight = MODELS.build(LOSSES[name]), MODELS.build(ENTROPY)(student, teacher)
    torch.testing.assert_close(losses["loss_er"], loss(student, teacher, weight=weight))
    assert losses["loss_er"] != losses["loss_plain"] > 0


@NAMES
def test_several_teachers_are_averaged(name: str) -> None:
    teachers = dict(teachers={k: dict(model=tiny.classifier(6)) for k in "ab"}, teacher=None)
    for weight in (dict(), dict(sample_weight=ENTROPY)):
        term = dict(loss=LOSSES[name], **weight)
        torch.manual_seed(0)
        mean = tiny.losses_of(tiny.distiller(**teachers, terms=dict(r=term)))["loss_r"]
        each = {k: dict(term, teacher={k: "head.fc"}, weight=0.5) for k in "ab"}
        torch.manual_seed(0)
        apart = tiny.losses_of(tiny.distiller(**teachers, terms=each))
        torch.testing.assert_close(mean, apart["loss_a"] + apart["loss_b"])


@NAMES
def test_a_teacher_weight_is_refused_in_words(name: str) -> None:
    weight = dict(type="mmkd.EBKDWeight")
    with pytest.raises(ValueError, match="one term for each teacher, with its share as `weight`"):
        tiny.distiller(terms=dict(r=dict(loss=LOSSES[name], teacher_weight=weight)))


@pytest.mark.parametrize("options", [{}, {"released_code": True}], ids=["formula", "released"])
def test_two_views_train(options: dict[str, Any]) -> None:
    model = tiny.distiller(**mlkd(2, **options), data_preprocessor=TWO, student_loss_weight=0.0)
    steps: list[Any] = []
    model.observe(steps.append)
    losses = tiny.losses_of(model, views(2))
    [student] = steps[0].features["student"].values()
    [teacher] = steps[0].teacher_logits.values()
    assert len(student) == 8
    expected = MODELS.build(dict(type="mmkd.MLKDLoss", views=2, **options))(student, teacher)
    torch.testing.assert_close(losses["loss_mlkd"], expected)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    logged = [model.train_step(views(2), wrapper)["loss_mlkd"] for _ in range(5)]
    assert logged[-1] < logged[0]


def test_three_views_are_tried_when_built() -> None:
    model = tiny.distiller(**mlkd(3), data_preprocessor=THREE)
    assert tiny.losses_of(model, views(3))["loss_mlkd"] > 0


def test_a_loss_of_more_views_than_the_data_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"expects views=2.*gives views=1.*MultiViewDataPre"):
        tiny.distiller(**mlkd(2))
    with pytest.raises(ValueError, match=r"expects views=3.*gives views=2"):
        tiny.distiller(**mlkd(3), data_preprocessor=TWO)


def test_a_loss_of_fewer_views_than_the_data_is_refused_in_words() -> None:
    """Its correlations would be those of both views together, and its masks too."""
    with pytest.raises(ValueError, match=r"expects views=1.*gives views=2.*one view of each"):
        tiny.distiller(**mlkd(1), data_preprocessor=TWO)


def test_a_loss_that_knows_no_views_takes_any_number() -> None:
    model = tiny.distiller(data_preprocessor=TWO)
    assert tiny.losses_of(model, views(2))["loss_kd"] > 0
