"""Manner in which a network is run for distillation, by the task that it solves."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmkd.networks import roi_heads
from mmkd.networks.mask_queries import mask_head, run_mask_queries
from mmkd.networks.segmentation import decode_heads, refuses_pixels, run_segmentor
from mmkd.networks.taps import Tap

Forward = Callable[[Any, Tensor, Any, Sequence[Tensor], Collection[Tap]], Any]


def _lies_in(taps: Collection[Tap], *parts: str) -> bool:
    return any(tap.path.split(".")[0] in parts for tap in taps)


def _dense(network: Any, inputs: Tensor, _: Any, __: Any, taps: Collection[Tap]) -> None:
    features = network.extract_feat(inputs)
    if _lies_in(taps, "bbox_head"):
        network.bbox_head(features)


def _transformer(
    network: Any, inputs: Tensor, data_samples: Any, _: Any, taps: Collection[Tap]
) -> None:
    features = network.extract_feat(inputs)
    if all(_lies_in([tap], "backbone", "neck") for tap in taps):
        return
    states = network.forward_transformer(features, data_samples or whole_images(inputs))
    if _lies_in(taps, "bbox_head"):
        network.bbox_head(**states)


def whole_images(inputs: Tensor) -> list[Any]:
    """Return data samples of images without padding, in the form that a transformer needs."""
    from mmdet.structures import DetDataSample

    size = tuple(inputs.shape[-2:])
    return [DetDataSample(metainfo=dict(img_shape=size, batch_input_shape=size)) for _ in inputs]


def _two_stage(
    network: Any, inputs: Tensor, _: Any, rois: Sequence[Tensor], taps: Collection[Tap]
) -> None:
    features = network.extract_feat(inputs)
    if _lies_in(taps, "rpn_head"):
        network.rpn_head(features)
    if not _lies_in(taps, "roi_head"):
        return
    head = network.roi_head
    branches = roi_heads.branch_features(head, features)
    for stage, boxes in enumerate(rois):
        # mmdet's cascade takes the index of the stage before the features.
        stages = (stage,) if isinstance(head.bbox_head, nn.ModuleList) else ()
        head._bbox_forward(*stages, features, boxes, **branches)


@dataclass(frozen=True)
class Manner:
    """Manner in which a network is run without its losses, proposals and post-processing.

    Attributes:
        arguments: Further arguments of a network that is called as a whole.
        parts: Function that runs the tapped parts of a detector; its arguments are the network, its
            input (N, C, H, W), the data samples, the student's RoIs and the taps that will be read.
            ``None`` for a network that is called as a whole.
        roi_taps: Taps of the RoIs on which a student of this kind computes its task losses, shape
            (R, 5) for each stage. A teacher of this kind classifies the student's RoIs.
        refuses_rois: The reason why the RoI head cannot run on RoIs from another network, or
            ``None``.
        withholds_rois: The reason why another network cannot take the RoIs, or ``None``.
        detects: Whether the network predicts instances, for which it needs the sizes of images.
        segments: Whether the network classifies pixels.
        refuses_pixels: The reason why it has no class logits of pixels, or ``None``.
        mask_head: Path of a head whose queries give masks and classes, or ``None``.
        computes_losses: Whether the network computes task losses, by ``mode='loss'``.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    parts: Forward | None = None
    roi_taps: tuple[Tap, ...] = ()
    refuses_rois: str | None = None
    withholds_rois: str | None = None
    detects: bool = False
    segments: bool = False
    refuses_pixels: str | None = None
    mask_head: str | None = None
    computes_losses: bool = True

    def forward(
        self, network: Any, inputs: Tensor, taps: Collection[Tap], rois: Sequence[Tensor] = ()
    ) -> Any:
        """Run a network without data samples, as far as the taps need it."""
        if self.parts is None:
            return network(inputs, **self.arguments)
        return self.parts(network, inputs, None, rois or self.example_rois(inputs), taps)

    def needs_rois(self, taps: Collection[Tap]) -> bool:
        """Return whether a tap lies in a RoI head, which runs on RoIs only."""
        return bool(self.roi_taps) and _lies_in(taps, "roi_head")

    def example_rois(self, inputs: Tensor) -> list[Tensor]:
        """Return RoIs for a dry run: one box in each image, for each stage."""
        count, _, height, width = inputs.shape
        box = torch.tensor([0.0, 0.0, width / 2, height / 2], device=inputs.device)
        images = torch.arange(count, device=inputs.device)[:, None].float()
        return [torch.cat([images, box.expand(count, 4)], dim=1) for _ in self.roi_taps]


def manner_of(network: nn.Module) -> Manner:
    """Return the manner in which a network is run, by its type.

    A detector of mmdet runs through its RoI head on RoIs from outside, or through its dense head,
    or through its transformer and the head of its queries, as far as its taps require; a network of
    mmseg through its decode head, and one with mask queries through their head. Another model of
    OpenMMLab runs through ``mode='tensor'``. Any other module is called with images, and computes
    no losses; neither does a classifier of mmpretrain without a head.
    """
    if not isinstance(network, BaseModel):
        return Manner(computes_losses=False)
    if isinstance(head := getattr(network, "roi_head", None), nn.Module):
        path = "roi_head.bbox_roi_extractor"
        extractor = head.bbox_roi_extractor
        count = len(extractor) if isinstance(extractor, nn.ModuleList) else None
        paths = [path] if count is None else [f"{path}.{stage}" for stage in range(count)]
        first = 0 if roi_heads.pools_twice(head) else None
        rois = tuple(Tap(path, input=True, items=(1,), run=first) for path in paths)
        refuses, withholds = roi_heads.refuses_rois(head), roi_heads.withholds_rois(head)
        return Manner(
            parts=_two_stage,
            roi_taps=rois,
            refuses_rois=refuses,
            withholds_rois=withholds,
            detects=True,
        )
    dense = isinstance(getattr(network, "bbox_head", None), nn.Module)
    if dense and hasattr(network, "extract_feat"):
        run = _transformer if hasattr(network, "forward_transformer") else _dense
        return Manner(parts=run, detects=True)
    masks = mask_head(network)
    if masks is not None:
        segments = bool(decode_heads(network))
        return Manner(
            parts=run_mask_queries,
            detects=not segments,
            segments=segments,
            refuses_pixels=refuses_pixels(network) if segments else None,
            mask_head=masks,
        )
    if decode_heads(network):
        reason = refuses_pixels(network)
        parts = run_segmentor if hasattr(network, "extract_feat") else None
        arguments = {} if parts else dict(mode="tensor")
        return Manner(arguments, parts, segments=True, refuses_pixels=reason)
    headless = getattr(network, "head", network) is None
    return Manner(arguments=dict(mode="tensor"), computes_losses=not headless)
