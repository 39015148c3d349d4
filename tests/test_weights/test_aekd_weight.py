"""Weights of teachers from the gradients of their losses: AEKD."""

import math

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import OneClassSVM

from mmkd.losses import KDLoss
from mmkd.weights import AEKDWeight
from mmkd.weights.aekd_weight import libsvm_combination, smallest_combination


def vectors(count: int, dimensions: int, seed: int) -> torch.Tensor:
    """Vectors that mostly point the same way, as the gradients of teachers do."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, dimensions, generator=generator, dtype=torch.float64)
    return noise + torch.randn(dimensions, generator=generator, dtype=torch.float64)


def logits(count: int, seed: int = 0, size: int = 6, classes: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, classes, generator=generator, dtype=torch.float64) * 3


@pytest.mark.parametrize("seed", range(12))
def test_shares_are_those_of_a_one_class_support_vector_machine(seed):
    count, maximum = 3 + seed % 4, (0.5, 0.6, 1.0)[seed % 3]
    v = vectors(count, 8, seed)
    expected = machine_shares(v @ v.T, maximum, tol=1e-10)
    found = smallest_combination(v @ v.T, maximum)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def machine_shares(gram: torch.Tensor, maximum: float, **options: float) -> np.ndarray:
    """The shares that scikit-learn's one-class support vector machine, which is libsvm's, finds."""
    count = len(gram)
    nu = 1 / (maximum * count)
    machine = OneClassSVM(kernel="precomputed", nu=nu, **options).fit(gram.numpy())
    shares = np.zeros(count)
    shares[machine.support_] = machine.dual_coef_[0] / (nu * count)
    return shares


def test_gradients_of_a_batch_are_so_small_that_libsvm_stops_where_it_starts():
    """Whatever the teachers: 0.6, 0.4, 0. With a tolerance that fits, it finds what we find."""
    v = vectors(3, 100, 0)
    v = v / v.norm(dim=1, keepdim=True) * math.sqrt(7e-7)
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        gram = v[order] @ v[order].T
        np.testing.assert_allclose(machine_shares(gram, 0.6), [0.6, 0.4, 0.0], atol=1e-12)
        found = libsvm_combination(gram, 0.6)
        np.testing.assert_allclose(found.numpy(), [0.6, 0.4, 0.0], atol=1e-12)
        expected = machine_shares(gram, 0.6, tol=1e-12)
        np.testing.assert_allclose(smallest_combination(gram, 0.6).numpy(), expected, atol=1e-5)
        assert expected.min() > 0.1, "and neither is the start"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [0.02, 1.0, 30.0])
def test_the_released_code_stops_where_libsvm_stops(seed, size):
    v = vectors(3, 8, seed) * size
    gram, maximum = v @ v.T, (0.5, 0.6, 1.0)[seed % 3]
    expected = machine_shares(gram, maximum)
    np.testing.assert_allclose(libsvm_combination(gram, maximum).numpy(), expected, atol=2e-3)


def test_the_released_code_weighs_by_the_order_of_the_teachers():
    student, teachers = logits(1, size=64)[0], list(logits(3, seed=1, size=64))
    weights = AEKDWeight(released_code=True)(student, teachers)[:, 0]
    assert weights.tolist() == pytest.approx([0.6, 0.4, 0.0], abs=1e-9)
    assert (
        AEKDWeight(released_code=True)(student, teachers[::-1])[:, 0].tolist() == weights.tolist()
    )
    assert AEKDWeight()(student, teachers)[:, 0].tolist() != pytest.approx(
        weights.tolist(), abs=0.05
    )


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(1, 6),
    dimensions=st.integers(1, 9),
    maximum=st.floats(0.05, 1.0),
    scale=st.sampled_from([1e-12, 1.0, 1e8]),
    seed=st.integers(0, 99),
)
def test_no_other_shares_give_a_smaller_combination(count, dimensions, maximum, scale, seed):
    v = vectors(count, dimensions, seed) * scale
    gram = v @ v.T
    shares = smallest_combination(gram, maximum)
    bound = max(maximum, 1 / count)
    assert shares.sum().item() == pytest.approx(1)
    assert shares.min() >= 0
    assert shares.max() <= bound + 1e-9
    # Optimality of a convex problem: no move from one share to another lowers it.
    slope = gram @ shares
    up, down = slope[shares < bound - 1e-9], slope[shares > 1e-9]
    if len(up):
        assert down.max() - up.min() <= 1e-6 * gram.diagonal().max()


def test_two_vectors_by_hand():
    """Orthogonal ones, of lengths 1 and 2: the nearest point to 0 divides by 4 to 1."""
    gram = torch.tensor([[1.0, 0.0], [0.0, 4.0]], dtype=torch.float64)
    torch.testing.assert_close(smallest_combination(gram).tolist(), [0.8, 0.2])
    torch.testing.assert_close(smallest_combination(gram, 0.6).tolist(), [0.6, 0.4])
    torch.testing.assert_close(smallest_combination(gram, 0.1).tolist(), [0.5, 0.5])
    torch.testing.assert_close(smallest_combination(0 * gram).tolist(), [0.5, 0.5])


@pytest.mark.parametrize("normalize", [False, True])
def test_weights_follow_from_the_gradients_of_the_kd_losses(normalize):
    student, teachers = logits(1)[0].requires_grad_(), logits(3, seed=1)
    loss = KDLoss(temperature=4.0)
    gradients = torch.stack(
        [torch.autograd.grad(loss(student, t), student)[0].mean(0) for t in teachers]
    )
    norms = gradients.norm(dim=1) if normalize else torch.ones(3, dtype=torch.float64)
    units = gradients / norms[:, None]
    expected = smallest_combination(units @ units.T, 0.6) / norms
    weights = AEKDWeight(normalize=normalize)(student, list(teachers))
    torch.testing.assert_close(weights, (expected / expected.sum())[:, None].expand(3, 6))
    assert not weights.requires_grad
    assert weights.std(0).max() > 0.01


def test_the_teachers_are_balanced_where_they_pull_in_opposite_ways():
    """If the student is between two teachers, the nearer one weighs more, up to C."""
    student = torch.zeros(4, 2)
    near, far = (torch.tensor([[x, -x]]).expand(4, 2) for x in (1.0, -4.0))
    weights = AEKDWeight(tolerance=1.0, temperature=1.0)(student, [near, far])
    forces = torch.tensor([math.tanh(1.0), -math.tanh(4.0)])
    assert (weights[:, 0] * forces).sum().item() == pytest.approx(0, abs=1e-6)
    assert AEKDWeight(0.6, 1.0)(student, [near, far]).max().item() <= 0.6 + 1e-6


def test_order_and_identical_teachers():
    student, teachers = logits(1)[0], list(logits(3, seed=1))
    weight = AEKDWeight()
    turned = weight(student, teachers[::-1])
    torch.testing.assert_close(turned.flip(0), weight(student, teachers))
    same = weight(student, teachers[:1] * 3)
    torch.testing.assert_close(same, torch.full_like(same, 1 / 3))
    assert torch.equal(weight(student, teachers[:1]), torch.ones(1, 6, dtype=torch.float64))


@pytest.mark.parametrize("normalize", [False, True])
def test_extreme_logits_give_finite_float32_weights(normalize):
    weight = AEKDWeight(normalize=normalize)
    student = torch.randn(3, 4).bfloat16()
    for teachers in ([student, student], [student * 1e4, -student * 1e4], [student, student * 2]):
        weights = weight(student, teachers)
        assert weights.dtype == torch.float32
        torch.testing.assert_close(weights.sum(0), torch.ones(3))


def test_a_term_weighs_by_it():
    teachers = {name: dict(model=tiny.classifier(6)) for name in "abc"}
    term = dict(loss=dict(type="mmkd.KDLoss"), teacher_weight=dict(type="mmkd.AEKDWeight"))
    model = tiny.distiller(teachers=teachers, terms=dict(kd=term))
    steps = []
    model.observe(steps.append)
    assert tiny.train(model, steps=1)["loss_kd"] > 0
    weights = steps[0].terms["kd"].weight
    assert weights.shape == (3, 4)
    assert torch.equal(weights[:, :1].expand(3, 4), weights)
    assert weights.max() <= 0.6 + 1e-6


def test_wrong_arguments_are_refused_in_words():
    with pytest.raises(ValueError, match="tolerance"):
        AEKDWeight(tolerance=0.0)
    with pytest.raises(ValueError, match="tolerance"):
        AEKDWeight(tolerance=1.5)
    with pytest.raises(ValueError, match="temperature"):
        AEKDWeight(temperature=0.0)
