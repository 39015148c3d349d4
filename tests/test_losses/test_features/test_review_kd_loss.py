"""ReviewKD's loss over scales, against numpy."""

from map_references import pooled

# isort: split
import numpy as np
import pytest
import torch

from mmkd.losses import ReviewKDLoss
from mmkd.weights import EntropyWeight


def reference(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Each sample's loss; scales at least as high as the map are left out."""
    axes = (1, 2, 3)
    losses = [((student - teacher) ** 2).mean(axes)]
    for size in (4, 2, 1):
        if size < student.shape[2]:
            losses.append(((pooled(student, size) - pooled(teacher, size)) ** 2).mean(axes))
    weights = [0.5**i for i in range(len(losses))]
    return np.average(losses, axis=0, weights=weights)


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (4, 4), (3, 5), (2, 2), (1, 1), (5, 3)])
def test_each_samples_loss_is_the_references(size):
    random = np.random.RandomState(0)
    student, teacher = (random.standard_normal((3, 4, *size)) for _ in range(2))
    losses = ReviewKDLoss(reduction="none")(torch.tensor(student), torch.tensor(teacher))
    np.testing.assert_allclose(losses.numpy(), reference(student, teacher), rtol=1e-12)


def test_levels_add_up_and_vectors_are_levels_of_one_position():
    random = np.random.RandomState(1)
    student = [random.standard_normal(shape) for shape in ((3, 4, 6, 6), (3, 5))]
    teacher = [random.standard_normal(level.shape) for level in student]
    loss = ReviewKDLoss()([*map(torch.tensor, student)], [*map(torch.tensor, teacher)])
    expected = reference(student[0], teacher[0]) + ((student[1] - teacher[1]) ** 2).mean(1)
    assert loss.item() == pytest.approx(expected.mean(), rel=1e-12)


def test_entropy_weights_act_on_every_scale():
    """ER-ReviewKD's released code weighs the squared differences of every level and scale."""
    random = np.random.RandomState(2)
    student, teacher = (random.standard_normal((3, 4, 8, 8)) for _ in range(2))
    logits = torch.tensor(random.standard_normal((3, 5)))
    weight = EntropyWeight(temperature=4.0)(logits, logits)
    loss = ReviewKDLoss()(torch.tensor(student), torch.tensor(teacher), weight=weight)
    expected = (reference(student, teacher) * weight.numpy()).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"ReviewKDLoss got .*\(2, 3, 4, 4\).*connector"):
        ReviewKDLoss()(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 8, 8))
