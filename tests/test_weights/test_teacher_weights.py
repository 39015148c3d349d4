"""Weights of teachers: DE-MKD, EBKD, CA-MKD."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mmkd  # noqa: F401
from mmkd.logits import entropy
from mmkd.losses import DKDLoss
from mmkd.registry import MODELS
from mmkd.weights import CAMKDWeight, EBKDWeight, EntropyTeacherWeight
from mmkd.weights.teacher_weight import FORMS

DATA = Path(__file__).parents[1] / "data" / "losses.json"
CASES = json.loads(DATA.read_text())["multi_teacher"]
FIRST = torch.tensor(
    [[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1], [0, 0.2, 2.5, 2.4]], dtype=torch.float64
)
SECOND = torch.tensor([[1, 0.9, 0, 0.2], [0, 2, 0.5, -1], [0.1, 0, 0.3, 2]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 3])
NAMES = {"ebkd": EBKDWeight, "camkd": CAMKDWeight, "demkd": EntropyTeacherWeight}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["seed"]))
@pytest.mark.parametrize("name", NAMES)
def test_weights_equal_the_reference(case, name):
    random = np.random.RandomState(case["seed"])
    shape = case["N"], case["C"]
    teachers = [
        torch.tensor(random.standard_normal(shape) * 2 * np.sqrt(k + 1)) for k in range(case["K"])
    ]
    student = torch.tensor(random.standard_normal(shape))
    labels = torch.tensor(random.randint(0, case["C"], case["N"]))
    weights = MODELS.build(dict(type=f"mmkd.{NAMES[name].__name__}"))(
        student, teachers, labels=labels
    )
    expected = torch.tensor(case[name], dtype=torch.float64)
    torch.testing.assert_close(weights, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (EBKDWeight(), [0.677914, 0.440084, 0.496261]),
        (EntropyTeacherWeight(), [0.664477, 0.440496, 0.496334]),
        (CAMKDWeight(), [0.689788, 0.345725, 0.388839]),
    ],
    ids=["ebkd", "demkd", "camkd"],
)
def test_weights_of_the_worked_example(weight, expected):
    weights = weight(FIRST, [FIRST, SECOND], labels=LABELS)
    assert weights[0].tolist() == pytest.approx(expected, abs=5e-7)


def test_forms_by_hand():
    """Entropies ln 2 and 0: one undecided and one certain teacher of two classes."""
    teachers = [torch.tensor([[0.0, 0.0]]), torch.tensor([[1e4, 0.0]])]
    first = {
        form: EntropyTeacherWeight(form)(teachers[0], teachers)[0].item()
        for form in ("softmax_inv", "ebkd", "softmax_neg", "inverse", "high")
    }
    # exp(ln 2) = 2 and exp(0) = 1.
    assert first["softmax_inv"] == pytest.approx(1 / 3)
    assert first["ebkd"] == pytest.approx(0)
    assert first["softmax_neg"] == pytest.approx(1 / 3)
    assert first["inverse"] == pytest.approx(0)
    assert first["high"] == pytest.approx(2 / 3)
    tempered = entropy(FIRST, 4.0)
    other = entropy(SECOND, 4.0)
    weights = EntropyTeacherWeight("inverse", temperature=4.0)(FIRST, [FIRST, SECOND])
    torch.testing.assert_close(weights[0], other / (tempered + other))


@settings(deadline=None, max_examples=60)
@given(
    form=st.sampled_from(list(FORMS)),
    teachers=st.integers(1, 4),
    classes=st.integers(2, 20),
    scale=st.sampled_from([0.0, 1.0, 10.0, 1e4]),
    kind=st.sampled_from(["all", "target", "non_target", "camkd"]),
    seed=st.integers(0, 99),
)
def test_weights_are_shares_that_do_not_depend_on_the_order(
    form, teachers, classes, scale, kind, seed
):
    generator = torch.Generator().manual_seed(seed)
    logits = list(torch.randn(teachers, 3, classes, generator=generator) * scale)
    labels = torch.randint(0, classes, (3,), generator=generator)
    weight = CAMKDWeight(form) if kind == "camkd" else EntropyTeacherWeight(form, part=kind)
    weights = weight(logits[0], logits, labels=labels)
    total = teachers - 1 if form == "ebkd" and teachers > 1 else 1
    assert weights.shape == (teachers, 3)
    assert weights.min() >= -1e-6
    torch.testing.assert_close(weights.sum(0), torch.full((3,), float(total)), rtol=1e-4, atol=1e-5)
    turned = weight(logits[0], logits[::-1], labels=labels)
    torch.testing.assert_close(turned.flip(0), weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_identical_teachers_share_equally_and_one_has_all(form):
    weight = EntropyTeacherWeight(form)
    same = weight(FIRST, [SECOND] * 3)
    torch.testing.assert_close(same, same[:1].expand(3, 3))
    alone = weight(FIRST, [SECOND])
    torch.testing.assert_close(alone, torch.ones(1, 3, dtype=alone.dtype))


@pytest.mark.parametrize("form", [form for form in FORMS if form != "high"])
def test_the_confident_teacher_weighs_more_unless_asked_otherwise(form):
    confident = entropy(FIRST) < entropy(SECOND)
    first, second = EntropyTeacherWeight(form)(FIRST, [FIRST, SECOND])
    assert torch.equal(first > second, confident)
    first, second = EntropyTeacherWeight("high")(FIRST, [FIRST, SECOND])
    assert torch.equal(first < second, confident)


def test_dividing_by_the_number_of_teachers():
    weights = EBKDWeight(divide_by_k=True)(FIRST, [FIRST, SECOND])
    torch.testing.assert_close(weights, EBKDWeight()(FIRST, [FIRST, SECOND]) / 2)
    three = [FIRST, SECOND, -FIRST]
    normalized = EBKDWeight(normalize=True)(FIRST, three)
    torch.testing.assert_close(normalized, EBKDWeight()(FIRST, three) / 2)


def test_entropies_of_the_decoupled_parts():
    """Against probabilities, split by hand."""
    expected = []
    for logits in (FIRST, SECOND):
        p = logits.softmax(-1)
        own = p.gather(1, LABELS[:, None])
        others = torch.stack([row[torch.arange(4) != y] for row, y in zip(p, LABELS, strict=True)])
        others = others / others.sum(-1, keepdim=True)
        binary = torch.cat([own, 1 - own], 1)
        expected.append([-(q * q.log()).sum(-1) for q in (binary, others)])
    for i, part in enumerate(("target", "non_target")):
        weight = EntropyTeacherWeight("ebkd", part=part)
        assert weight.needs_labels
        first, second = expected[0][i], expected[1][i]
        weights = weight(FIRST, [FIRST, SECOND], labels=LABELS)
        torch.testing.assert_close(weights[0], second / (first + second))


def test_identical_teachers_make_demkd_the_dkd_of_one():
    student = FIRST.flip(1)
    weights = EntropyTeacherWeight()(student, [SECOND] * 3)
    several = sum(DKDLoss()(student, SECOND, labels=LABELS, weight=w) for w in weights)
    torch.testing.assert_close(several, DKDLoss()(student, SECOND, labels=LABELS))


@pytest.mark.parametrize("kind", NAMES.values())
def test_weights_are_detached_and_float32_at_least(kind):
    teachers = [z.bfloat16().requires_grad_() for z in (FIRST, SECOND)]
    weights = kind()(FIRST.bfloat16(), teachers, labels=LABELS)
    assert not weights.requires_grad
    assert weights.dtype == torch.float32


def test_wrong_arguments_are_refused_in_words():
    with pytest.raises(ValueError, match="form must be one of"):
        EntropyTeacherWeight("softmax")
    with pytest.raises(ValueError, match="part must be one of"):
        EntropyTeacherWeight(part="others")
    with pytest.raises(ValueError, match="temperature"):
        EntropyTeacherWeight(temperature=0.0)
    with pytest.raises(ValueError, match="CAMKDWeight needs labels"):
        CAMKDWeight()(FIRST, [FIRST, SECOND])
    assert not EntropyTeacherWeight().needs_labels
