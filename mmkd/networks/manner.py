"""How far and on what a network is run for distillation, by the task that it solves."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmkd.networks import roi_heads
from mmkd.networks.taps import Tap

Forward = Callable[[Any, Tensor, Any, Sequence[Tensor], Collection[Tap]], Any]


def _images(network: Any, inputs: Tensor, *_: Any) -> Any:
    return network(inputs)


def _tensor(network: Any, inputs: Tensor, data_samples: Any, *_: Any) -> Any:
    return network(inputs, data_samples, mode="tensor")


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
    states = network.forward_transformer(features, data_samples or _whole_images(inputs))
    if _lies_in(taps, "bbox_head"):
        network.bbox_head(**states)


def _whole_images(inputs: Tensor) -> list[Any]:
    """Return data samples, as a transformer needs them, of images without padding."""
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
    for stage, boxes in enumerate(rois):
        # mmdet's cascade takes the stage before the features.
        stages = (stage,) if isinstance(head.bbox_head, nn.ModuleList) else ()
        head._bbox_forward(*stages, features, boxes)


@dataclass(frozen=True)
class Manner:
    """How a network is run without its losses, proposals and post-processing.

    Attributes:
        run: Called with the network, its input (N, C, H, W), the data samples, what is given of the
            student, and the taps that will be read.
        given: What the student gives to a teacher that is run like this: the RoIs that its own
            losses were computed on, shape (R, 5) for each stage.
        given_to: The part of the network that what is given goes to.
        closed: Why this part cannot be run on what is given, where it cannot.
        withheld: Why what a student of this kind has cannot be given, where it cannot.
        detects: Whether it predicts instances, which have to know their images.
    """

    run: Forward
    given: tuple[Tap, ...] = ()
    given_to: str | None = None
    closed: str | None = None
    withheld: str | None = None
    detects: bool = False

    def needs_given(self, taps: Collection[Tap]) -> bool:
        """Tell whether a tap lies where what is given goes to."""
        return self.given_to is not None and _lies_in(taps, self.given_to)

    def example(self, inputs: Tensor) -> list[Tensor]:
        """Return what could be given for an input: one box in each image, for a dry run."""
        count, _, height, width = inputs.shape
        box = torch.tensor([0.0, 0.0, width / 2, height / 2], device=inputs.device)
        images = torch.arange(count, device=inputs.device)[:, None].float()
        return [torch.cat([images, box.expand(count, 4)], dim=1) for _ in self.given]


def manner_of(network: nn.Module) -> Manner:
    """Return how a network is run, from what it is.

    A detector of mmdet goes through its RoI head, on given RoIs, or its dense head, or its
    transformer and the head of its queries, as far as it is tapped; another model of OpenMMLab
    through ``mode='tensor'``; any other module is called with images.
    """
    if not isinstance(network, BaseModel):
        return Manner(_images)
    if isinstance(head := getattr(network, "roi_head", None), nn.Module):
        path = "roi_head.bbox_roi_extractor"
        extractor = head.bbox_roi_extractor
        count = len(extractor) if isinstance(extractor, nn.ModuleList) else None
        paths = [path] if count is None else [f"{path}.{stage}" for stage in range(count)]
        given = tuple(Tap(path, input=True, items=(1,)) for path in paths)
        closed, withheld = roi_heads.closed(head), roi_heads.withheld(head)
        return Manner(_two_stage, given, "roi_head", closed, withheld, detects=True)
    dense = isinstance(getattr(network, "bbox_head", None), nn.Module)
    if dense and hasattr(network, "extract_feat"):
        run = _transformer if hasattr(network, "forward_transformer") else _dense
        return Manner(run, detects=True)
    return Manner(_tensor)
