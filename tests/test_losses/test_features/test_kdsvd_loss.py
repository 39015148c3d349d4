"""Singular vectors of maps, against numpy's, and their gradient."""

import numpy as np
import pytest
import torch
from feature_cases import MAPS, features

from mmkd.losses import KDSVDLoss
from mmkd.losses.features.kdsvd_loss import singular_vectors


def reference(students, teachers, rank: int) -> np.ndarray:
    losses = []
    for n in range(len(students[0])):
        kernels, before = [], None
        loss = 0.0
        for own, other in zip(students, teachers, strict=True):
            sides = []
            for maps in (own[n], other[n]):
                matrix = maps.detach().reshape(len(maps), -1).numpy().T
                sides.append(np.linalg.svd(matrix, full_matrices=False)[1:])
            (_, rows), (values, theirs) = sides
            theirs = np.array([v * (1 if v.sum() >= 0 else -1) for v in theirs[:rank]])
            weights = values[:rank] / np.linalg.norm(values[:rank])
            candidates, chosen = rows[: rank + 3], []
            for v in theirs:
                cosines = candidates @ v
                best = np.argmax(np.abs(cosines))
                chosen.append(candidates[best] * np.sign(cosines[best]))
            now = np.array(chosen) * weights[:, None], theirs * weights[:, None]
            if before is not None:
                kernels = [
                    np.exp(-((v[:, :, None] - b[:, None, :]) ** 2) / 8)
                    for v, b in zip(now, before, strict=True)
                ]
                loss += ((kernels[0] - kernels[1]) ** 2).sum()
            before = now
        losses.append(loss)
    return np.array(losses)


@pytest.mark.parametrize("rank", [1, 3])
def test_each_samples_loss_is_the_references(rank):
    students, teachers = features("KDSVDLoss")
    each = KDSVDLoss(rank)(students, teachers, reduction_override="none")
    expected = reference(students, teachers, rank)
    np.testing.assert_allclose(each.detach().numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 7, 2, 2)], ids=["tall", "wide"])
def test_the_gradient_is_that_of_singular_vectors(shape):
    torch.manual_seed(0)
    maps = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: singular_vectors(x, 2)[0], maps, rtol=1e-4)


def test_the_published_codes_nan_is_absent_where_singular_values_coincide():
    """There PyTorch divides by the differences of singular values; flat maps have equal ones."""
    for maps in (torch.zeros(2, 6, 4, 4), torch.ones(2, 6, 4, 4), torch.eye(4).expand(2, 4, 4)):
        maps = maps.view(2, -1, 4, maps.shape[-1] if maps.dim() == 4 else 1).clone()
        maps = maps.requires_grad_()
        vectors, _ = singular_vectors(maps, 2)
        (vectors * torch.randn_like(vectors)).sum().backward()
        assert maps.grad.isfinite().all()
        assert maps.grad.norm() < 1e6


def test_signs_that_an_svd_chooses_do_not_matter():
    students, teachers = features("KDSVDLoss")
    expected = KDSVDLoss()(students, teachers)
    flipped = [x if i != 1 else -x for i, x in enumerate(teachers)]
    torch.testing.assert_close(KDSVDLoss()(students, flipped), expected)
    torch.testing.assert_close(KDSVDLoss()([-x for x in students], teachers), expected)
    assert KDSVDLoss()(students, students).item() == pytest.approx(0, abs=1e-20)


def test_bad_use_is_refused():
    with pytest.raises(ValueError, match="one singular vector or more"):
        KDSVDLoss(rank=0)
    with pytest.raises(ValueError, match="two layers or more"):
        KDSVDLoss().adapt(MAPS[:1], MAPS[:1])
    with pytest.raises(ValueError, match=r"same channels.*put a connector"):
        KDSVDLoss()([torch.zeros(2, 3, 4, 4)] * 2, [torch.zeros(2, 4, 4, 4)] * 2)
