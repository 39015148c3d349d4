"""Distillation of a two-stage head's boxes, against loops over RoIs."""

import pytest
import torch

import mmkd  # noqa: F401
from mmkd.losses import BoxDeltaLoss

LABELS = torch.tensor([0, 2, 3, 1, 3])  # 3 is background


def smooth_l1(x: float, beta: float) -> float:
    return x**2 / (2 * beta) if abs(x) < beta else abs(x) - beta / 2


@pytest.mark.parametrize("beta", [0.0, 0.7])
@pytest.mark.parametrize(("own", "theirs"), [(12, 12), (4, 12), (12, 4), (4, 4)])
def test_deltas_of_the_rois_class_are_compared(own, theirs, beta):
    student = torch.randn(5, own, dtype=torch.float64)
    teacher = torch.randn(5, theirs, dtype=torch.float64)
    expected = []
    for s, t, label in zip(student, teacher, LABELS.tolist(), strict=True):
        s, t = (d if len(d) == 4 else d[4 * label : 4 * label + 4] for d in (s, t))
        pairs = [] if label == 3 else zip(s.tolist(), t.tolist(), strict=True)
        expected.append(sum(smooth_l1(a - b, beta) for a, b in pairs))
    loss = BoxDeltaLoss(num_classes=3, beta=beta)
    each = loss(student, teacher, labels=LABELS, reduction_override="none")
    assert each.tolist() == pytest.approx(expected, rel=1e-12)
    assert loss(student, teacher, labels=LABELS).item() == pytest.approx(sum(expected) / 5)


def test_only_the_students_deltas_of_that_class_get_a_gradient():
    student, teacher = (torch.randn(5, 12, requires_grad=True) for _ in range(2))
    BoxDeltaLoss()(student, teacher, labels=LABELS).backward()
    moved = student.grad.unflatten(1, (3, 4)).abs().sum(2) > 0
    assert moved.tolist() == [
        [True, False, False],
        [False, False, True],
        [False] * 3,
        [False, True, False],
        [False] * 3,
    ]
    assert teacher.grad is None


@pytest.mark.parametrize("labels", [torch.full((5,), 3), torch.zeros(0, dtype=torch.long)])
def test_without_foreground_it_is_zero_with_a_graph(labels):
    student = torch.randn(len(labels), 12, requires_grad=True)
    loss = BoxDeltaLoss()(student, torch.randn(len(labels), 12), labels=labels)
    loss.backward()
    assert loss.item() == 0
    assert not student.grad.any()


@pytest.mark.parametrize(
    ("own", "theirs", "classes", "message"),
    [
        ((5, 12), (5, 16), None, "finds 3 and 4 classes"),
        ((5, 12), (5, 12), 4, "finds 3 and 4 classes"),
        ((5, 4), (5, 4), None, "give BoxDeltaLoss num_classes"),
        ((5, 6), (5, 6), None, "compares deltas"),
        ((5, 4, 7, 7), (5, 4, 7, 7), 3, "compares deltas"),
    ],
)
def test_shapes_that_cannot_be_compared_are_refused_when_a_term_is_built(
    own, theirs, classes, message
):
    with pytest.raises(ValueError, match=message):
        BoxDeltaLoss(num_classes=classes).adapt([own], [theirs])


def test_bad_use_is_refused():
    with pytest.raises(ValueError, match="needs the RoIs' labels"):
        BoxDeltaLoss()(torch.zeros(5, 12), torch.zeros(5, 12))
    with pytest.raises(ValueError, match="beta cannot be negative"):
        BoxDeltaLoss(beta=-1)
