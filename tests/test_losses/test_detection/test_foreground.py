"""Masks of the foreground, against loops over positions."""

import math

from map_references import boxed_sample

# isort: split
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.structures import BaseDataElement, InstanceData

from mmkd.losses.detection.foreground import background_mask, foreground_mask, relative_boxes

SIDES = st.floats(0, 1, width=32)


def reference(boxes: list[list[float]], height: int, width: int) -> torch.Tensor:
    mask = torch.zeros(height, width)
    for left, top, right, bottom in boxes:
        first, last = math.floor(left * width), math.ceil(right * width)
        upper, lower = math.floor(top * height), math.ceil(bottom * height)
        value = 1 / ((last - first + 1) * (lower - upper + 1))
        for row in range(upper, min(lower + 1, height)):
            for column in range(first, min(last + 1, width)):
                mask[row, column] = max(mask[row, column], value)
    return mask


@given(st.lists(st.tuples(SIDES, SIDES, SIDES, SIDES), max_size=3), st.integers(1, 4))
def test_it_is_the_greatest_share_of_an_area(corners, height):
    boxes = [[*map(min, c[:2], c[2:]), *map(max, c[:2], c[2:])] for c in corners]
    boxes = [torch.tensor(box).tolist() for box in boxes]
    mask = foreground_mask(torch.tensor(boxes).reshape(-1, 4), height, 5)
    # Sides are multiplied in float32 there and in float64 here: only sizes that this does not
    # round over a border can be compared.
    scaled = [side * size for box in boxes for side, size in zip(box, [5, height] * 2, strict=True)]
    if all(abs(s - round(s)) > 1e-5 or s == round(s) for s in scaled):
        torch.testing.assert_close(mask, reference(boxes, height, 5))
    assert mask.shape == (height, 5)


def test_rows_are_the_heights():
    """The first version of FGD's released code took them for widths."""
    mask = foreground_mask(torch.tensor([[0.0, 0.5, 1.0, 0.9]]), 10, 4)
    assert (mask > 0).any(1).tolist() == [False] * 5 + [True] * 5
    assert mask.max().item() == pytest.approx(1 / (5 * 5))


def test_background_shares_what_is_left():
    mask = background_mask(torch.tensor([[0.5, 0.0], [0.0, 0.25]]))
    assert mask.tolist() == [[0, 0.5], [0.5, 0]]
    assert background_mask(torch.ones(2, 2)).tolist() == [[0, 0], [0, 0]]
    assert background_mask(torch.zeros(2, 2)).tolist() == [[0.25] * 2] * 2


def test_boxes_are_parts_of_the_padded_input():
    boxes = [[0.0, 10.0, 40.0, 40.0]]
    padded = boxed_sample(boxes, batch_input_shape=(80, 160))
    [found] = relative_boxes([padded])
    assert found.tolist() == [[0, 0.125, 0.25, 0.5]]
    assert relative_boxes([boxed_sample(boxes)])[0].tolist() == [[0, 0.25, 0.5, 1.0]]
    assert relative_boxes([boxed_sample([])])[0].shape == (0, 4)


def test_ignored_regions_are_no_foreground():
    data = boxed_sample([])
    data.ignored_instances = InstanceData(bboxes=torch.tensor([[0.0, 0.0, 40.0, 40.0]]))
    assert relative_boxes([data])[0].shape == (0, 4)


@pytest.mark.parametrize("samples", [None, [], [BaseDataElement()]])
def test_samples_without_boxes_are_refused(samples):
    with pytest.raises(ValueError, match="needs the ground-truth boxes"):
        relative_boxes(samples)


def test_the_released_code_scales_by_the_image_without_its_padding():
    sample = BaseDataElement(metainfo=dict(img_shape=(4, 8), batch_input_shape=(8, 16)))
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[2.0, 1.0, 4.0, 3.0]]))
    [padded], [shifted] = relative_boxes([sample]), relative_boxes([sample], padded=False)
    assert padded.tolist() == [[0.125, 0.125, 0.25, 0.375]]
    assert shifted.tolist() == [[0.25, 0.25, 0.5, 0.75]]
