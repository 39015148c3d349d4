"""The global context block, against numpy."""

from map_references import context

# isort: split
import numpy as np
import torch

from mmkd.losses.detection.global_context import GlobalContext


def trained(channels: int) -> GlobalContext:
    """A block that is no longer the identity."""
    block = GlobalContext(channels).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    return block


def test_its_output_is_the_references():
    block, maps = trained(4), np.random.RandomState(0).standard_normal((2, 4, 3, 5))
    found = block(torch.tensor(maps)).detach().numpy()
    np.testing.assert_allclose(found, context(maps, block), rtol=1e-9)


def test_it_begins_as_the_identity():
    maps = torch.randn(2, 4, 3, 5)
    assert torch.equal(GlobalContext(4)(maps), maps)
    assert GlobalContext(1)(maps[:, :1]).shape == (2, 1, 3, 5)
