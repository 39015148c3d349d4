import pytest
import torch
from torch.nn.functional import mse_loss

from mmkd.losses import HintLoss


def maps(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_the_mean_squared_error():
    student, teacher = maps(0, 3, 4, 5, 5), maps(1, 3, 4, 5, 5)
    assert HintLoss()(student, teacher).item() == pytest.approx(mse_loss(student, teacher).item())


def test_a_list_is_summed_over_its_pairs():
    students = [maps(0, 3, 4, 5, 5), maps(2, 3, 7)]
    teachers = [maps(1, 3, 4, 5, 5), maps(3, 3, 7)]
    pairs = [HintLoss()(s, t).item() for s, t in zip(students, teachers, strict=True)]
    assert HintLoss()(students, teachers).item() == pytest.approx(sum(pairs))


def test_sample_weights():
    student, teacher = maps(0, 3, 4), maps(1, 3, 4)
    values = HintLoss()(student, teacher, reduction_override="none")
    weight = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    expected = (values * weight).mean().item()
    assert HintLoss()(student, teacher, weight=weight).item() == pytest.approx(expected)


def test_teacher_features_get_no_gradient():
    student, teacher = maps(0, 2, 3).requires_grad_(), maps(1, 2, 3).requires_grad_()
    HintLoss()(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad is not None


def test_equal_features_give_zero_and_a_finite_gradient():
    student = maps(0, 2, 3).requires_grad_()
    value = HintLoss()(student, student.detach())
    value.backward()
    assert value.item() == 0
    assert student.grad.count_nonzero() == 0


def test_shapes_that_differ_are_refused_in_words():
    with pytest.raises(ValueError, match="connector"):
        HintLoss()(maps(0, 2, 3), maps(1, 2, 4))
    with pytest.raises(ValueError, match="pairs"):
        HintLoss()([maps(0, 2, 3)], [maps(1, 2, 3), maps(2, 2, 3)])
