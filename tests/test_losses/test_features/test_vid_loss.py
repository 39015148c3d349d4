"""Variational information distillation, against numpy, and the bug of mdistiller."""

import numpy as np
import pytest
import tiny
import torch
from feature_cases import MAPS, OTHER_MAPS, built, features
from map_references import pooled

from mmkd.losses import VIDLoss

STAGES = ["backbone.layer2", "backbone.layer3"]


def likelihood(part, student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Return the loss of one pair of features, for each sample."""
    size = min(student.shape[2], teacher.shape[2])
    student, teacher = pooled(student, size), pooled(teacher, size)
    for number in (0, 2, 4):
        weight = part.mean[number].weight.detach().numpy()[:, :, 0, 0]
        student = np.einsum("nchw,oc->nohw", student, weight)
        student = np.maximum(student, 0) if number < 4 else student
    scale = part.log_scale.detach().numpy()
    variance = (np.log1p(np.exp(scale)) + 1e-5)[:, None, None]
    return 0.5 * ((student - teacher) ** 2 / variance + np.log(variance)).mean((1, 2, 3))


def test_each_samples_loss_is_the_references():
    students, teachers = features("VIDLoss")
    loss = built("VIDLoss")
    with torch.no_grad():
        loss.parts[1].log_scale.uniform_(-3, 3)
    expected = sum(
        likelihood(part, own.detach().numpy(), other.detach().numpy())
        for part, own, other in zip(loss.parts, students, teachers, strict=True)
    )
    each = loss(students, teachers, reduction_override="none")
    np.testing.assert_allclose(each.detach().numpy(), expected, rtol=1e-10)


def test_the_variance_starts_at_5():
    for part, maps in zip(built("VIDLoss").parts, MAPS, strict=True):
        _, variance = part(torch.zeros(maps, dtype=torch.float64))
        torch.testing.assert_close(variance, torch.full_like(variance, 5.0))


def test_vectors_are_maps_of_one_position():
    maps, vectors = VIDLoss().double(), VIDLoss().double()
    maps.adapt([(3, 4, 1, 1)], [(3, 5, 1, 1)])
    vectors.adapt([(3, 4)], [(3, 5)])
    maps.double()
    vectors.double().load_state_dict(maps.state_dict())
    own, other = torch.randn(3, 4).double(), torch.randn(3, 5).double()
    expected = maps(own[:, :, None, None], other[:, :, None, None])
    torch.testing.assert_close(vectors(own, other), expected)


def test_mdistillers_bug_is_absent_log_scales_are_parameters_and_are_trained():
    """There they are in a Python list, which no optimizer sees: the variance stays 5 for ever."""
    vid = dict(student=STAGES, teacher=STAGES, loss=dict(type="mmkd.VIDLoss"))
    model = tiny.distiller(terms=dict(vid=vid))
    names = [name for name, _ in model.named_parameters() if name.endswith("log_scale")]
    assert names == [f"terms.vid.loss.parts.{number}.log_scale" for number in range(2)]
    before = {name: model.get_parameter(name).clone() for name in names}
    tiny.train(model, steps=1)
    assert all((model.get_parameter(name) != before[name]).all() for name in names)


def test_the_best_variance_is_the_error():
    """Trained log-scales can therefore learn it."""
    loss = VIDLoss().double()
    loss.adapt([MAPS[0]], [OTHER_MAPS[0]])
    student, teacher = (torch.randn(2, c, 8, 8, dtype=torch.float64) for c in (6, 5))
    part = loss.double().parts[0]
    error = (part.mean(student) - teacher).square().mean((0, 2, 3))
    with torch.no_grad():
        part.log_scale.copy_((error - 1e-5).expm1().log())
    loss(student, teacher).backward()
    assert part.log_scale.grad.abs().max() < 1e-12


def test_bad_use_is_refused():
    with pytest.raises(ValueError, match="least variance"):
        VIDLoss(eps=0)
    with pytest.raises(ValueError, match=r"2 features of the student and 1 of the teacher"):
        VIDLoss().adapt(MAPS[:2], MAPS[:1])
