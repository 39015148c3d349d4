"""Losses on maps take tokens of transformers as maps on their grid, without the class token."""

import pytest
import torch
from torch import Tensor

from mmkd.losses import ATLoss, CWDLoss, FSPLoss, MGDLoss, NSTLoss, PKDLoss
from mmkd.networks.grids import to_tokens

LOSSES = [ATLoss, NSTLoss, CWDLoss, MGDLoss, FSPLoss, PKDLoss]


def maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def tokens(features: Tensor, leading: int) -> Tensor:
    others = torch.randn(len(features), leading, features.shape[1])
    return torch.cat([others, to_tokens(features)], dim=1)


def loss_of(kind, students: list[Tensor], teachers: list[Tensor]) -> Tensor:
    torch.manual_seed(0)
    loss = kind()
    if hasattr(loss, "adapt"):
        loss.adapt([s.shape for s in students], [t.shape for t in teachers])
    return loss(students, teachers)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("leading", [0, 1, 5])
def test_tokens_have_the_loss_of_their_maps(kind, leading):
    students = [maps(0, 3, 4, 6, 6), maps(1, 3, 4, 6, 6)]
    teachers = [maps(2, 3, 4, 6, 6), maps(3, 3, 4, 6, 6)]
    expected = loss_of(kind, students, teachers)
    in_tokens = ([tokens(part, leading) for part in side] for side in (students, teachers))
    assert expected > 0
    torch.testing.assert_close(loss_of(kind, *in_tokens), expected)


@pytest.mark.parametrize("kind", [ATLoss, NSTLoss])
def test_a_map_is_compared_with_tokens_of_other_channels_and_another_grid(kind):
    student, teacher = maps(0, 3, 4, 4, 8), maps(1, 3, 7, 8, 16)
    expected = kind()(student, teacher)
    torch.testing.assert_close(kind()(student, tokens(teacher, 1)), expected)
    torch.testing.assert_close(kind()(tokens(student, 2), teacher), expected)
