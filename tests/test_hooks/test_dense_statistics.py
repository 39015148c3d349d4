"""Statistics of terms that compare selected places of detectors, and steps with no place at all."""

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch

from mmkd.distillers import Step
from mmkd.hooks.statistics_hook import logit_statistics, weight_statistics
from mmkd.hooks.step_check_hook import StepCheckHook
from mmkd.logits import binary_entropy

TERM = dict(
    loss=dict(type="mmkd.BinaryKDLoss"),
    sample_weight=dict(type="mmkd.EntropyWeight", activation="sigmoid"),
    locations=dict(type="mmkd.DenseLocations"),
)


@pytest.fixture(scope="module")
def model():
    # The term has logits of its own: the distiller's are not even in these networks.
    own = {**TERM, "logits": dense.LOGITS}
    return tiny.distiller(
        student=dense.atss(), teacher=dict(model=dense.atss(50)), terms=dict(er=own)
    ).train()


def step_of(model, boxes=None, observe=lambda step: None) -> Step:
    steps = []
    handles = [model.observe(steps.append), model.observe(observe)]
    model(**model.data_preprocessor(tiny.batch(boxes), True), mode="loss")
    for handle in handles:
        handle.remove()
    return steps[0]


def test_entropies_are_those_of_sigmoids_at_the_places_that_are_compared(model):
    step = step_of(model)
    found = logit_statistics(step)
    assert found["entropy/student"] == binary_entropy(step.student_logits).mean()
    assert found["entropy/teacher"] == binary_entropy(step.teacher_logits["teacher"]).mean()
    assert 0 <= found["agreement/teacher"] <= 1
    assert weight_statistics(step)["er/weight_mean"] > 0


def test_a_step_without_places_has_no_statistics(model):
    step = step_of(model, [0, 0])
    assert logit_statistics(step) == weight_statistics(step) == {}
    assert step.terms["er"].empty


def test_a_term_is_checked_when_it_finds_a_place(model):
    hook = StepCheckHook()
    step_of(model, [0, 0], lambda step: hook._check("", model, step))
    assert not hook._checked
    step_of(model, None, lambda step: hook._check("", model, step))
    assert hook._checked == {"er"}


def test_logits_of_features_alone_are_not_taken_for_some():
    model = tiny.distiller(
        student=dense.detr(), teacher=dict(model=dense.detr(50)), logits="bbox_head[0]",
        terms=dict(fpn=dense.FPN, box=dict(student="bbox_head[0]", teacher="bbox_head[0]",
                                           logits="encoder", loss=dict(type="mmkd.HintLoss"))),
    ).train()  # fmt: skip
    step = step_of(model)
    assert step.student_logits is None
    assert step.teacher_logits == {}
    assert torch.as_tensor(step.losses["loss_box"]).isfinite()
