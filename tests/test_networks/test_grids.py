"""Tokens lie on a grid row by row, behind class and register tokens."""

import pytest
import torch

from mmkd.networks.grids import as_maps, grid_size, to_map, to_tokens


@pytest.mark.parametrize(
    ("length", "like", "size"),
    [
        (196, (1, 1), (14, 14)),
        (197, (1, 1), (14, 14)),  # a class token
        (198, (7, 7), (14, 14)),  # and a distillation token
        (201, (1, 1), (14, 14)),  # and four registers
        (257, (1, 1), (16, 16)),
        (50, (1, 1), (7, 7)),
        (2, (1, 1), (1, 1)),
        (6 * 10 + 1, (3, 5), (6, 10)),
        (6 * 10 + 1, (10, 6), (10, 6)),
    ],
)
def test_the_grid_of_so_many_tokens(length, like, size):
    assert grid_size(length, like) == size


@pytest.mark.parametrize(("length", "like"), [(60, (1, 1)), (48, (5, 7)), (0, (1, 1))])
def test_tokens_that_form_no_grid_are_refused_in_words(length, like):
    with pytest.raises(ValueError, match=rf"{length} tokens form no .* Tap a stage that gives"):
        grid_size(length, like)


def test_a_map_is_row_by_row_without_leading_tokens():
    patches = torch.arange(2 * 6 * 3).reshape(2, 6, 3)
    tokens = torch.cat([torch.full((2, 2, 3), -1), patches], 1)
    expected = torch.tensor([[0, 3, 6], [9, 12, 15]])
    found = to_map(tokens, (2, 3))
    assert torch.equal(found[0, 0], expected)
    assert torch.equal(found[1, 2], expected + 18 + 2)
    assert torch.equal(to_tokens(found), patches)


def test_a_map_tells_the_grid_of_tokens_beside_it():
    maps, tokens = torch.randn(2, 4, 2, 4), torch.randn(2, 33, 5)
    first, second = as_maps(maps, tokens)
    assert first is maps
    assert second.shape == (2, 5, 4, 8)
    second, first = as_maps(tokens, maps)
    assert first is maps
    assert second.shape == (2, 5, 4, 8)
