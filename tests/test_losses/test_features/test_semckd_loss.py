"""Cross-layer distillation, against numpy."""

import numpy as np
import pytest
import torch
from feature_cases import MAPS, OTHER_MAPS, built, features
from map_references import pooled, softmax

from mmkd.losses import SemCKDLoss


def embedded(embed, maps: np.ndarray, batch_size: int) -> np.ndarray:
    vectors = maps.reshape(len(maps), -1)
    rows = np.zeros((len(maps), batch_size))
    rows[:, : len(maps)] = vectors @ vectors.T
    first, _, second = ({k: p.detach().numpy() for k, p in m.named_parameters()} for m in embed)
    hidden = np.maximum(rows @ first["weight"].T + first["bias"], 0)
    result = hidden @ second["weight"].T + second["bias"]
    return result / np.linalg.norm(result, axis=1, keepdims=True)


@pytest.mark.parametrize("samples", [5, 4, 2], ids=["full", "partial", "small"])
def test_each_samples_loss_is_the_references(samples):
    students, teachers = features("SemCKDLoss", samples)
    loss = built("SemCKDLoss", temperature=0.5).eval()
    own, theirs = ([x.detach().numpy() for x in maps] for maps in (students, teachers))
    energy = np.zeros((samples, len(own), len(theirs)))
    distance = np.zeros_like(energy)
    for i, student in enumerate(own):
        for j, teacher in enumerate(theirs):
            query = embedded(loss.queries[i], student, 5)
            key = embedded(loss.keys[j], teacher, 5)
            energy[:, i, j] = (query * key).sum(1) / 0.5
            size = min(student.shape[2], teacher.shape[2])
            given = torch.tensor(pooled(student, size))
            predicted = loss.regressors[i][j](given).detach().numpy()
            distance[:, i, j] = ((predicted - pooled(teacher, size)) ** 2).mean((1, 2, 3))
    expected = (softmax(energy) * distance).sum((1, 2)) / len(own)
    each = loss(students, teachers, reduction_override="none")
    np.testing.assert_allclose(each.detach().numpy(), expected, rtol=1e-9)


def test_attention_is_a_share():
    students, teachers = features("SemCKDLoss")
    shares = built("SemCKDLoss").attention(students, teachers)
    assert shares.shape == (2, 3, 4)
    torch.testing.assert_close(shares.sum(1), torch.ones(2, 4, dtype=torch.float64))


def test_one_teacher_layer_has_all_of_it():
    """The loss is a hint for each of the student's layers then."""
    loss = SemCKDLoss(batch_size=4)
    loss.adapt(MAPS[:1], OTHER_MAPS[:1])
    loss.double().eval()
    [student, *_], [teacher, *_] = features("SemCKDLoss")
    expected = (loss.regressors[0][0](student) - teacher).square().mean()
    torch.testing.assert_close(loss(student, teacher), expected)


def test_bad_use_is_refused_in_words():
    students, teachers = features("SemCKDLoss", samples=6)
    with pytest.raises(ValueError, match="batches of 5 samples and got 6: set its batch_size"):
        built("SemCKDLoss")(students, teachers)
    with pytest.raises(ValueError, match="batch_size and a reduction_factor from 1"):
        SemCKDLoss(batch_size=0)
    with pytest.raises(ValueError, match="tap stages"):
        SemCKDLoss().adapt([(2, 3)], MAPS)
