"""Terms on chosen RoIs and locations of detectors."""

from typing import Any

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from torch import Tensor

from mmkd.distillers import Distiller, Step
from mmkd.networks.taps import flat

ER = dict(
    loss=dict(type="mmkd.KDLoss", temperature=1.0), sample_weight=dict(type="mmkd.EntropyWeight")
)
SELECT = dict(type="mmkd.SelectByEntropy", keep=0.25)
BINARY = dict(loss=dict(type="mmkd.BinaryKDLoss"), locations=dict(type="mmkd.DenseLocations"))
DENSE = dict(
    student=dense.retinanet(), teacher=dict(model=dense.retinanet(50)), logits=dense.LOGITS
)
SIGMOID = dict(SELECT, activation="sigmoid")


def step_of(model: Distiller) -> tuple[dict[str, Any], Step]:
    found: list[Step] = []
    model.train().observe(found.append)
    torch.manual_seed(0)
    data = tiny.batch()
    return model(**model.data_preprocessor(data, True), mode="loss"), found[0]


def rows_with_gradient(loss: Tensor, logits: list[Tensor]) -> int:
    gradients = torch.autograd.grad(loss, logits, retain_graph=True)
    return sum(int(g.abs().flatten(1).sum(1).count_nonzero()) for g in gradients)


def test_a_term_compares_the_chosen_rois() -> None:
    chosen = dict(ER, select=dict(SELECT, source="gap"))
    model = tiny.distiller(terms=dict(all=ER, some=chosen))
    losses, step = step_of(model)
    [tap] = flat(model.logits["student"])
    logits = step.features["student"][tap]
    assert rows_with_gradient(losses["loss_all"], [logits]) == len(logits)
    assert rows_with_gradient(losses["loss_some"], [logits]) == -(-len(logits) // 4)
    weight = step.terms["all"].weight
    kept = model.terms["some"].choose(step.features)
    torch.testing.assert_close(step.terms["some"].weight, weight[:, kept])


def test_a_term_compares_the_chosen_locations() -> None:
    """The divisor becomes smaller by the share, so that the loss stays of the same size."""
    places = dict(type="mmkd.DenseLocations", select="all", avg="positives")
    all_places = dict(BINARY, locations=places)
    model = tiny.distiller(
        **DENSE, terms=dict(all=all_places, some=dict(all_places, select=SIGMOID))
    )
    losses, step = step_of(model)
    means = {}
    for name, term in model.terms.items():
        logits = step.terms[name].logits
        each = term.loss(logits["student"], logits["teacher"], reduction_override="none")
        means[name] = each.mean()
        counted = len(each)
    assert counted == -(-len(step.terms["all"].logits["student"]) // 4)
    ratio = losses["loss_all"] / means["all"]
    torch.testing.assert_close(losses["loss_some"], means["some"] * ratio, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            dict(
                terms=dict(fpn=dict(dense.FPN, student="neck[0]", teacher="neck[0]", select=SELECT))
            ),
            "'neck\\[0\\]' of the student has not one row",
        ),
        (dict(DENSE, terms=dict(kd=dict(BINARY, select=SELECT))), "Give it activation='sigmoid'"),
    ],
    ids=["other part", "softmax of sigmoids"],
)
def test_what_cannot_be_is_refused_in_words(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny.distiller(**overrides)
