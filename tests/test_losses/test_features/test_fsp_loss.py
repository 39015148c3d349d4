"""Flow of the solution procedure, against numpy."""

import numpy as np
import pytest
import torch
from feature_cases import MAPS, features
from map_references import pooled

from mmkd.losses import FSPLoss


def matrices(layers: list[torch.Tensor]) -> list[np.ndarray]:
    layers = [layer.detach().numpy() for layer in layers]
    result = []
    for i in range(len(layers) - 1):
        size = min(layers[i].shape[2], layers[i + 1].shape[2])
        first, second = pooled(layers[i], size), pooled(layers[i + 1], size)
        result.append(np.einsum("nihw,njhw->nij", first, second) / size**2)
    return result


def test_each_samples_loss_is_the_references():
    students, teachers = features("FSPLoss")
    pairs = zip(matrices(students), matrices(teachers), strict=True)
    expected = sum(((own - other) ** 2).mean((1, 2)) for own, other in pairs)
    each = FSPLoss()(students, teachers, reduction_override="none")
    np.testing.assert_allclose(each.detach().numpy(), expected, rtol=1e-12)


def test_equal_layers_give_zero_and_positions_may_be_exchanged():
    students, teachers = features("FSPLoss")
    assert FSPLoss()(students, students) == 0
    swapped = [x.flatten(2).flip(2).view_as(x) for x in students]
    torch.testing.assert_close(FSPLoss()(swapped, teachers), FSPLoss()(students, teachers))


def test_bad_use_is_refused():
    with pytest.raises(ValueError, match="two layers or more"):
        FSPLoss().adapt(MAPS[:1], MAPS[:1])
    with pytest.raises(ValueError, match="put a connector"):
        FSPLoss()([torch.zeros(2, 3, 4, 4)] * 2, [torch.zeros(2, 4, 4, 4)] * 2)
