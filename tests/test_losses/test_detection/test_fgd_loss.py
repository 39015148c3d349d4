"""Focal and global distillation, against numpy."""

from map_references import boxed_sample, context, softmax

# isort: split
import numpy as np
import pytest
import torch

from mmkd.losses import FGDLoss
from mmkd.losses.detection.foreground import background_mask, foreground_mask, relative_boxes

SHAPE = (2, 4, 5, 6)
SAMPLES = [boxed_sample([[0.0, 10.0, 40.0, 40.0], [8.0, 8.0, 20.0, 20.0]]), boxed_sample([])]
WEIGHTS = dict(alpha=0.7, beta=0.5, gamma=0.3, lambda_=0.2)


def attentions(maps: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the spatial and channel attention of one sample (C, H, W)."""
    spatial = softmax(np.abs(maps).mean(0).reshape(-1) / temperature) * maps[0].size
    spatial = spatial.reshape(maps.shape[1:])
    return spatial, softmax(np.abs(maps).mean((1, 2)) / temperature) * len(maps)


def reference(student, teacher, loss: FGDLoss) -> list[float]:
    """Each sample's loss from the four parts of the paper."""
    part, losses = loss.parts[0], []
    own, theirs = context(student, part["student"]), context(teacher, part["teacher"])
    for n, box in enumerate(relative_boxes(SAMPLES)):
        foreground = foreground_mask(box, *SHAPE[2:])
        background = background_mask(foreground).numpy()
        spatial, channel = attentions(teacher[n], loss.temperature)
        own_spatial, own_channel = attentions(student[n], loss.temperature)
        focal = spatial * channel[:, None, None] * (teacher[n] - student[n]) ** 2
        apart = np.abs(own_spatial - spatial).sum() + np.abs(own_channel - channel).sum()
        losses.append(
            WEIGHTS["alpha"] * (foreground.numpy() * focal).sum()
            + WEIGHTS["beta"] * (background * focal).sum()
            + WEIGHTS["gamma"] * apart
            + WEIGHTS["lambda_"] * ((own[n] - theirs[n]) ** 2).sum()
        )
    return losses


def adapted(trained: bool = True, **arguments) -> FGDLoss:
    loss = FGDLoss(**arguments)
    loss.adapt([SHAPE], [SHAPE])
    if trained:
        for parameter in loss.parameters():
            torch.nn.init.normal_(parameter)
    return loss.double()


def test_each_samples_loss_is_the_references():
    random = np.random.RandomState(0)
    student, teacher = (random.standard_normal(SHAPE) for _ in range(2))
    loss = adapted(temperature=0.5, **WEIGHTS)
    maps = torch.tensor(student), torch.tensor(teacher)
    each = loss(*maps, data_samples=SAMPLES, reduction_override="none")
    np.testing.assert_allclose(each.detach().numpy(), reference(student, teacher, loss), rtol=1e-6)
    whole = loss(*maps, data_samples=SAMPLES)
    assert whole.item() == pytest.approx(each.mean().item(), rel=1e-12)


def test_equal_maps_have_no_loss_before_the_contexts_are_trained():
    maps = torch.randn(SHAPE).double()
    assert adapted(trained=False)(maps, maps, data_samples=SAMPLES).item() == 0


def test_student_and_contexts_are_trained_and_the_teacher_is_not():
    torch.manual_seed(1)  # the contexts' ReLU may shut off every channel of so few
    student, teacher = (torch.randn(SHAPE).double().requires_grad_() for _ in range(2))
    loss = adapted()
    loss(student, teacher, data_samples=SAMPLES).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None
    assert all(p.grad.abs().sum() > 0 for p in loss.parameters() if p.numel() > 1)


def test_no_boxes_in_the_whole_batch_leave_the_background():
    student, teacher = (torch.randn(SHAPE) for _ in range(2))
    empty = [boxed_sample([]), boxed_sample([])]
    loss = adapted(trained=False, alpha=1.0, beta=0.0, gamma=0.0, lambda_=0.0).float()
    assert loss(student, teacher, data_samples=empty).item() == 0
    loss.beta = 1.0
    assert 0 < loss(student, teacher, data_samples=empty).item() < float("inf")


def test_levels_that_are_too_small_for_a_box_still_see_it():
    student, teacher = torch.randn(2, 4, 1, 1), torch.randn(2, 4, 1, 1)
    loss = adapted(trained=False, beta=0.0, gamma=0.0, lambda_=0.0).float()
    each = loss(student, teacher, data_samples=SAMPLES, reduction_override="none")
    assert each[0] > 0
    assert each[1] == 0
