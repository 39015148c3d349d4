"""Common properties of the literature's feature losses."""

import copy

import pytest
import torch
from feature_cases import CASES, RELATIONAL, built, extras, features

PER_SAMPLE = [name for name in CASES if name not in RELATIONAL]


@pytest.mark.parametrize("name", CASES)
def test_all_that_learns_gets_a_gradient_and_the_teacher_none(name):
    """DDP therefore finds no unused parameter."""
    loss, (students, teachers) = built(name), features(name)
    value = loss(students, teachers, **extras(name))
    value.backward()
    assert value.shape == ()
    assert all(student.grad.abs().sum() > 0 for student in students)
    assert all(teacher.grad is None for teacher in teachers)
    for key, parameter in loss.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e4])
def test_extremes_give_finite_values_and_gradients(name, samples, scale):
    loss, (students, teachers) = built(name).float(), features(name, samples, scale)
    students = [s.detach().float().requires_grad_() for s in students]
    if samples == 1:
        loss.eval()  # batch norm does not train on one vector
    value = loss(students, [t.float() for t in teachers], **extras(name, samples))
    value.backward()
    assert value.isfinite()
    assert all(student.grad.isfinite().all() for student in students)
    assert all(p.grad.isfinite().all() for p in loss.parameters())


@pytest.mark.parametrize("name", PER_SAMPLE)
def test_samples_are_weighed(name):
    loss, (students, teachers) = built(name, loss_weight=2.0), features(name)
    given = extras(name)
    loss.eval()  # nothing is remembered between the two calls
    torch.manual_seed(0)
    each = loss(students, teachers, reduction_override="none", **given)
    torch.manual_seed(0)
    weight = torch.tensor([1.0, 0.0, 3.0, 0.5], dtype=torch.float64)
    value = loss(students, teachers, weight=weight, **given)
    assert each.shape == (4,)
    assert each.unique().numel() == 4
    torch.testing.assert_close(value, (each * weight).mean())


@pytest.mark.parametrize("name", RELATIONAL)
def test_relations_refuse_a_weight(name):
    students, teachers = features(name)
    with pytest.raises(ValueError, match="no loss of a single sample"):
        built(name)(students, teachers, weight=torch.ones(4))


@pytest.mark.parametrize("name", CASES)
def test_arithmetic_is_in_full_precision_under_autocast(name):
    loss, (students, teachers) = built(name).float(), features(name)
    pair = [x.float() for x in students], [x.float() for x in teachers]
    loss.eval()
    torch.manual_seed(0)
    expected = loss(*pair, **extras(name))
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(*pair, **extras(name))
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)


@pytest.mark.parametrize("name", CASES)
def test_what_was_learned_is_saved(name):
    loss, other, (students, teachers) = built(name), built(name), features(name)
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter.add_(0.1)
    loss(students, teachers, **extras(name))
    other.load_state_dict(loss.state_dict())
    values = []
    for kind in (loss, other, copy.deepcopy(loss)):
        torch.manual_seed(0)
        if name == "CATKDLoss":  # the classifiers are the networks', which are saved there
            kind.classifiers = loss.classifiers
        if name == "SRRLLoss":
            kind.classifier = loss.classifier
        values.append(kind.eval()(students, teachers, **extras(name)))
    assert torch.equal(values[0], values[1])
    assert torch.equal(values[0], values[2])


@pytest.mark.parametrize("name", [n for n in CASES if list(built(n).parameters())])
def test_what_must_be_adapted_says_so(name):
    loss, (students, teachers) = type(built(name))(**CASES[name][0]), features(name)
    with pytest.raises(ValueError, match="adapt"):
        loss(students, teachers, **extras(name))
