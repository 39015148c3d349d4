"""The Wasserstein distance between predictions, against numpy and an exact solver."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from feature_cases import network
from logit_cases import LABELS, STUDENT, TEACHER, softmax
from scipy.optimize import linprog

from mmkd.losses import WKDLoss

DISTANCES = np.random.default_rng(0).uniform(0.2, 1.2, (7, 7))
DISTANCES = (DISTANCES + DISTANCES.T) / 2
np.fill_diagonal(DISTANCES, 0)


def built(**options):
    loss = WKDLoss(**{**dict(temperature=2.0), **options})
    loss.know_distances(torch.from_numpy(DISTANCES))
    return loss


def each(loss, student=STUDENT, teacher=TEACHER, labels=LABELS):
    return loss(student, teacher, labels=labels, reduction_override="none")


def released(student, teacher, label, epsilon, iterations, kappa=1.0) -> float:
    """Return the loss of one sample, without the true class in distributions and costs."""
    q, p = (softmax(np.delete(z, label) / 2.0) for z in (student, teacher))
    cost = np.delete(np.delete(1 - np.exp(-kappa * DISTANCES), label, 0), label, 1) + 1e-8
    kernel, u = np.exp(-cost / epsilon), np.full(len(q), 1 / len(q))
    for _ in range(iterations):
        v = p / (kernel.T @ u + 1e-8)
        u = q / (kernel @ v + 1e-8)
    return float((u[:, None] * kernel * v[None] * cost).sum())


@pytest.mark.parametrize(("epsilon", "iterations"), [(0.05, 10), (0.3, 1)])
def test_each_samples_loss_is_the_released_codes(epsilon, iterations):
    samples = zip(STUDENT.numpy(), TEACHER.numpy(), LABELS.tolist(), strict=True)
    expected = [released(*sample, epsilon, iterations) for sample in samples]
    found = each(built(epsilon=epsilon, iterations=iterations))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_with_many_iterations_it_is_near_the_exact_distance():
    q, p = (softmax(np.delete(z[0].numpy(), 0) / 2.0) for z in (STUDENT, TEACHER))
    cost = np.delete(np.delete(1 - np.exp(-DISTANCES), 0, 0), 0, 1)
    sums = [np.kron(np.eye(6), np.ones(6)), np.kron(np.ones(6), np.eye(6))]
    exact = linprog(cost.flatten(), A_eq=np.vstack(sums), b_eq=np.concatenate([q, p])).fun
    found = each(built(epsilon=0.05, iterations=500))[0].item()
    assert exact < found < 1.15 * exact, "the plan has some entropy"


def test_the_true_classs_logits_do_not_matter_and_likeness_makes_mistakes_cheap():
    student = STUDENT.clone()
    student[range(6), LABELS] += 5
    torch.testing.assert_close(each(built(), student), each(built()))
    teacher = torch.full((1, 7), -50.0, dtype=torch.float64)
    teacher[0, 1] = 50.0
    costs = []
    for wrong in (2, 3):
        mistaken = torch.full((1, 7), -50.0, dtype=torch.float64)
        mistaken[0, wrong] = 50.0
        costs.append(each(built(), mistaken, teacher, torch.tensor([0])).item())
    expected = 1 - np.exp(-DISTANCES[1, 2:4])
    np.testing.assert_allclose(costs, expected, rtol=1e-3)


def test_the_classifiers_weights_give_the_distances():
    teacher = network(5, classes=7)
    loss = WKDLoss(kappa=0.0)
    loss.attach(torch.nn.Identity(), SimpleNamespace(network=teacher))
    weights = teacher["head"]["fc"].weight.detach().numpy()
    units = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    np.testing.assert_allclose(loss.costs.numpy(), np.maximum(1 - units @ units.T, 0) + 1e-8)
    assert "costs" not in loss.state_dict(), "which the teacher gives again"


def test_a_file_gives_the_distances(tmp_path):
    path = str(tmp_path / "costs.pth")
    torch.save(torch.from_numpy(DISTANCES), path)
    loss = WKDLoss(cost=path, temperature=2.0)
    loss.attach(torch.nn.Identity(), SimpleNamespace(network=network(5, classes=7)))
    torch.testing.assert_close(each(loss), each(built()))


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_gradients(scale):
    student = (STUDENT.float().sign() * scale).requires_grad_()
    value = built()(student, -student.detach(), labels=LABELS)
    value.backward()
    assert value.isfinite()
    assert student.grad.isfinite().all()


def test_wrong_use_is_refused_in_words():
    with pytest.raises(ValueError, match="costs of 0 classes and got logits of 7"):
        each(WKDLoss())
    with pytest.raises(ValueError, match=r"shape \(2, 3\), not \(C, C\)"):
        WKDLoss().know_distances(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="positive epsilon"):
        WKDLoss(epsilon=0.0)
