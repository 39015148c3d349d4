"""MLPConnector: shapes of features, and the layers at each position."""

import pytest
import torch

from mmkd.connectors import MLPConnector

SHAPES = [
    ((2, 5), (2, 7)),
    ((2, 5, 6, 6), (2, 7, 3, 3)),
    ((2, 10, 5), (2, 17, 7)),
    ((2, 5, 6, 6), (2, 9, 7)),
    ((2, 10, 5), (2, 7, 3, 3)),
    ((2, 5, 3, 3), (2, 5, 3, 3)),
]


@pytest.mark.parametrize(("own", "theirs"), SHAPES)
def test_it_gives_the_teachers_shape(own: tuple[int, ...], theirs: tuple[int, ...]) -> None:
    connector = MLPConnector(own, theirs)
    assert connector(torch.randn(own), torch.randn(theirs)).shape == theirs


def test_each_position_goes_through_the_layers() -> None:
    maps, like = torch.randn(2, 5, 3, 4), torch.zeros(2, 7, 3, 4)
    connector = MLPConnector(maps.shape, like.shape, ratio=2.0)
    assert connector.layers[0].out_features == 14
    found = connector(maps, like)
    torch.testing.assert_close(found[1, :, 2, 3], connector.layers(maps[1, :, 2, 3]))
    vectors = MLPConnector((2, 5), (2, 7))
    first, _, last = vectors.layers
    expected = last(torch.nn.functional.gelu(first(maps[:, :, 0, 0])))
    torch.testing.assert_close(vectors(maps[:, :, 0, 0], like[:, :, 0, 0]), expected)


def test_it_begins_with_small_weights_and_no_bias() -> None:
    connector = MLPConnector((2, 64), (2, 64), ratio=4.0)
    for layer in (connector.layers[0], connector.layers[2]):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert not layer.bias.any()


def test_a_ratio_is_positive() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        MLPConnector((2, 5), (2, 7), ratio=0)
