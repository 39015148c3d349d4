"""mmcv's operators compute in float32 if they get bfloat16."""

from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from mmcv.ops import RoIAlign, batched_nms, nms, soft_nms
from mmcv.ops.nms import NMSop, SoftNMSop
from mmdet.models.roi_heads.roi_extractors import GenericRoIExtractor, SingleRoIExtractor
from torch import Tensor

from mmkd.compat.mmcv_ops import allow_bfloat16

OPERATORS = (NMSop, SoftNMSop, RoIAlign, SingleRoIExtractor, GenericRoIExtractor)
LAYER = dict(type="RoIAlign", output_size=7, sampling_ratio=0)


@pytest.fixture(autouse=True)
def allowed() -> None:
    allow_bfloat16()


def boxes(count: int = 40, size: float = 1200.0) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(count, 2, generator=generator) * size
    return torch.cat([corners, corners + 20 + torch.rand(count, 2, generator=generator) * 200], 1)


def rois() -> Tensor:
    return torch.cat([torch.zeros(40, 1), boxes()], 1)


def maps(levels: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    sizes = [1400 // 4 // 2**level for level in range(levels)]
    return [torch.randn(1, 8, s, s, generator=generator).bfloat16() for s in sizes]


def test_nms_keeps_what_it_keeps_in_float32() -> None:
    given, scores = boxes().bfloat16(), torch.rand(40).bfloat16()
    kept = nms(given, scores, 0.3)[1]
    assert torch.equal(kept, nms(given.float(), scores.float(), 0.3)[1])
    assert len(kept) < 40
    soft, expected = (
        soft_nms(given.to(dtype), scores.to(dtype), 0.3)
        for dtype in (torch.bfloat16, torch.float32)
    )
    assert torch.equal(soft[1], expected[1])
    classes = torch.arange(40) % 2
    options = dict(type="nms", iou_threshold=0.3)
    kept = batched_nms(given, scores, classes, options)[1]
    assert torch.equal(kept, batched_nms(given.float(), scores.float(), classes, options)[1])


def extractor(kind: type, levels: int) -> Any:
    strides = [4 * 2**level for level in range(levels)]
    return kind(roi_layer=LAYER, out_channels=8, featmap_strides=strides)


@pytest.mark.parametrize(
    ("operator", "levels"),
    [
        (extractor(SingleRoIExtractor, 1), 1),
        (extractor(SingleRoIExtractor, 3), 3),
        (extractor(GenericRoIExtractor, 3), 3),
    ],
)
def test_features_of_rois_are_those_of_the_boxes_as_they_are(operator: Any, levels: int) -> None:
    features = [feature.requires_grad_() for feature in maps(levels)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = operator(features, rois())
    expected = operator([feature.float() for feature in features], rois())
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected.bfloat16())
    gradients = torch.autograd.grad(found.float().sum(), features)
    for one, other in zip(gradients, torch.autograd.grad(expected.sum(), features), strict=True):
        torch.testing.assert_close(one, other)
    assert gradients[0].count_nonzero() > 0


def test_an_operator_of_features_in_bfloat16_and_boxes_in_float32() -> None:
    [feature] = maps()
    align = RoIAlign(7, 0.25)
    assert torch.equal(align(feature, rois()), align(feature.float(), rois()).bfloat16())


def test_mmcv_itself_still_needs_it() -> None:
    [feature] = maps()
    with pytest.raises(RuntimeError, match="not implemented for 'BFloat16'"):
        RoIAlign.forward.__wrapped__(RoIAlign(7, 0.25), feature, rois().bfloat16())


def test_other_options_reach_the_operator() -> None:
    operator = extractor(SingleRoIExtractor, 3)
    once, larger = (operator(maps(3), rois(), roi_scale_factor=f) for f in (1.0, 1.5))
    assert not torch.equal(once, larger)


def test_float32_passes_as_it_is_and_it_is_allowed_once() -> None:
    before = [operator.forward for operator in OPERATORS]
    allow_bfloat16()
    assert before == [operator.forward for operator in OPERATORS]
    feature = maps()[0].float()
    found = RoIAlign(7, 0.25)(feature, rois())
    assert found.dtype == torch.float32
    assert torch.equal(found, RoIAlign.forward.__wrapped__(RoIAlign(7, 0.25), feature, rois()))
