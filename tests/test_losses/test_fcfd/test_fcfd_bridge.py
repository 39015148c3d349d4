"""Bridges between maps of two networks."""

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from torch import nn

from mmkd.losses.fcfd.fcfd_bridge import FCFDBridge


@pytest.mark.parametrize(
    ("given", "wanted", "kind"),
    [
        ((2, 3, 8, 8), (2, 5, 8, 8), nn.Conv2d),
        ((2, 3, 7, 8), (2, 5, 7, 8), nn.Conv2d),
        ((2, 3, 8, 8), (2, 5, 4, 4), nn.Conv2d),
        ((2, 3, 7, 14), (2, 5, 4, 7), nn.Conv2d),
        ((2, 3, 2, 3), (2, 5, 4, 6), nn.ConvTranspose2d),
    ],
)
@pytest.mark.parametrize("activated", [True, False])
def test_a_map_gets_the_wanted_shape(given, wanted, kind, activated):
    bridge = FCFDBridge(given, wanted, activated).eval()
    assert type(bridge[0]) is kind
    output = bridge(torch.randn(given))
    assert output.shape == wanted
    assert len(bridge) == 2 + activated
    bridge[1].bias.data.fill_(-1)  # below zero, before the activation
    low = bridge(torch.zeros(given))
    torch.testing.assert_close(low, torch.full_like(low, -0.1 if activated else -1.0))


def test_convolutions_begin_with_kaimings_distribution_over_the_outputs():
    torch.manual_seed(0)
    weight = FCFDBridge((2, 64, 8, 8), (2, 32, 8, 8), True)[0].weight
    assert weight.std().item() == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.02)


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="no bridge from a map of 8 x 8 to one of 2 x 2"):
        FCFDBridge((2, 3, 8, 8), (2, 3, 2, 2), True)
    with pytest.raises(ValueError, match="of twice or half of it"):
        FCFDBridge((2, 3, 8, 8), (2, 3, 8, 4), True)
