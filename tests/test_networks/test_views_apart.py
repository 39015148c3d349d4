"""Batch norms of a batch of several views."""

from copy import deepcopy

import mmkd  # noqa: F401

# isort: split
import pytest
import tiny
import torch

from mmkd.networks.views_apart import take_views_apart
from mmkd.registry import MODELS


@pytest.mark.parametrize("copied", [False, True])
def test_one_pass_is_a_pass_for_each_view(copied: bool) -> None:
    torch.manual_seed(0)
    network = MODELS.build(tiny.classifier()).backbone.double().train()
    apart = deepcopy(network)
    weak, strong = torch.randn(2, 3, 3, 32, 32).double().unbind()
    expected = torch.cat([network(view)[-1] for view in (weak, 2 * strong + 1)])
    take_views_apart(apart, 2)
    if copied:
        apart = deepcopy(apart)
    found = apart(torch.cat([weak, 2 * strong + 1]))[-1]
    torch.testing.assert_close(found, expected)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(apart.state_dict()[name], value)
    for one, other in zip(*(n.eval()(weak)[-1] for n in (network, apart)), strict=True):
        torch.testing.assert_close(one, other)
    assert network.train()(torch.cat([weak, 2 * strong + 1]))[-1].ne(expected).any()


def test_a_students_preprocessor_asks_for_it() -> None:
    views = dict(type="mmkd.MultiViewDataPreprocessor", views=2)
    for released in (False, True):
        given = dict(data_preprocessor=dict(views, released_code=released))
        loss = dict(type="mmkd.MLKDLoss", views=2)
        model = tiny.distiller(student=tiny.classifier() | given, terms=dict(kd=dict(loss=loss)))
        norms = [m for m in model.student.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert all(getattr(norm, "views", 1) == (2 if released else 1) for norm in norms)
        assert type(norms[0]).__name__ == "BatchNorm2d"
