"""Masked generation, against numpy, with the drawn mask."""

from map_references import convolve

# isort: split
import numpy as np
import pytest
import torch

from mmkd.losses import MGDLoss

SHAPE = (2, 3, 5, 4)


def adapted(**arguments) -> MGDLoss:
    loss = MGDLoss(**arguments).double()
    loss.adapt([SHAPE], [SHAPE])
    return loss.double()


def test_each_samples_loss_is_the_references():
    random = np.random.RandomState(0)
    student, teacher = (random.standard_normal(SHAPE) for _ in range(2))
    loss = adapted(alpha=0.5, mask_ratio=0.4)
    torch.manual_seed(7)
    each = loss(torch.tensor(student), torch.tensor(teacher), reduction_override="none")
    torch.manual_seed(7)
    seen = (torch.rand(2, 1, 5, 4, dtype=torch.float64) >= 0.4).numpy()
    assert 0 < seen.mean() < 1
    first, _, second = loss.parts[0]
    generated = convolve(np.maximum(convolve(student * seen, first), 0), second)
    expected = 0.5 * ((generated - teacher) ** 2).sum((1, 2, 3))
    np.testing.assert_allclose(each.detach().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("ratio", [0.0, 0.65])
@pytest.mark.parametrize(("masked", "whole"), [("positions", (1,)), ("channels", (2, 3))])
def test_so_much_is_masked(ratio, masked, whole):
    loss, given = adapted(mask_ratio=ratio, masked=masked), []
    loss.parts[0][0].register_forward_pre_hook(lambda _, maps: given.append(maps[0]))
    torch.manual_seed(0)
    loss(torch.ones(200, *SHAPE[1:]).double(), torch.ones(200, *SHAPE[1:]).double())
    [seen] = given
    assert (seen == 0).double().mean().item() == pytest.approx(ratio, abs=0.06)
    assert torch.equal(seen.amin(whole), seen.amax(whole)), "it is masked as a whole"


def test_the_generation_is_trained_and_the_teacher_is_not():
    student, teacher = (torch.randn(SHAPE).double().requires_grad_() for _ in range(2))
    loss = adapted()
    loss(student, teacher).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None
    assert all(p.grad.abs().sum() > 0 for p in loss.parameters())


def test_bad_use_is_refused():
    with pytest.raises(ValueError, match="mask_ratio is a share"):
        MGDLoss(mask_ratio=1.0)
    with pytest.raises(ValueError, match="one of positions, channels"):
        MGDLoss(masked="pixels")
    with pytest.raises(ValueError, match=r"parts for 0 pairs.*adapt"):
        MGDLoss()(torch.zeros(SHAPE), torch.zeros(SHAPE))
    with pytest.raises(ValueError, match=r"feature maps .*, not features of shape \(2, 3\)"):
        MGDLoss().adapt([(2, 3)], [(2, 3)])
