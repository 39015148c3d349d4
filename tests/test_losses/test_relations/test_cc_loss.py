"""Correlation congruence, against numpy."""

import numpy as np
import pytest
import torch
from feature_cases import built, features

from mmkd.losses import AdjacentCCLoss, CCLoss


def test_the_kernel_is_the_gaussian_ones_expansion():
    [student], [teacher] = features("CCLoss")
    gamma, matrices = 0.7, []
    for vectors in (student, teacher):
        unit = vectors.detach().numpy()
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        cosines = unit @ unit.T
        terms = [(2 * gamma * cosines) ** p / f for p, f in enumerate((1, 1, 2, 6))]
        matrices.append(np.exp(-2 * gamma) * sum(terms))
    expected = ((matrices[0] - matrices[1]) ** 2).mean()
    assert CCLoss(gamma, order=3)(student, teacher).item() == pytest.approx(expected, rel=1e-12)


def test_a_high_order_is_the_gaussian_kernel():
    """For unit vectors exp(-gamma |x - y|^2) = exp(-2 gamma) exp(2 gamma x.y)."""
    [student], [teacher] = features("CCLoss")
    kernels = []
    for vectors in (student, teacher):
        unit = vectors / vectors.norm(dim=1, keepdim=True)
        kernels.append((-0.4 * (unit[:, None] - unit[None]).square().sum(2)).exp())
    expected = (kernels[0] - kernels[1]).square().mean()
    torch.testing.assert_close(CCLoss(order=20)(student, teacher), expected)


def test_rotation_scale_and_equality():
    [student], [teacher] = features("CCLoss")
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))
    expected = CCLoss()(student, teacher)
    torch.testing.assert_close(CCLoss()(5 * student @ rotation, teacher), expected)
    assert CCLoss()(student, student) == 0
    assert expected > 1e-4


def test_the_adjacent_form_is_that_of_repdistiller():
    [student], [teacher] = features("AdjacentCCLoss")
    loss = built("AdjacentCCLoss")
    embedded = []
    for side, vectors in (("student", student), ("teacher", teacher)):
        layer = loss.embeddings[0][side]
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        embedded.append(vectors.detach().numpy() @ weight.T + bias)
    delta = np.abs(embedded[0] - embedded[1])
    expected = np.mean([delta[n] @ delta[n + 1] for n in range(3)])
    assert loss(student, teacher).item() == pytest.approx(expected, rel=1e-12)
    assert loss(student[:1], teacher[:1]) == 0


def test_bad_arguments_are_refused():
    for arguments in (dict(gamma=0.0), dict(order=0)):
        with pytest.raises(ValueError, match="gamma > 0"):
            CCLoss(**arguments)
    assert AdjacentCCLoss().dim == 128
