"""How far and on what a network is run for distillation, by the task that it solves."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmkd.taps import Tap

Forward = Callable[[Any, Tensor, Any, Sequence[Tensor], Collection[Tap]], Any]


def _images(network: Any, inputs: Tensor, *_: Any) -> Any:
    return network(inputs)


def _tensor(network: Any, inputs: Tensor, data_samples: Any, *_: Any) -> Any:
    return network(inputs, data_samples, mode="tensor")


def _dense(network: Any, inputs: Tensor, *_: Any) -> Any:
    return network.bbox_head(network.extract_feat(inputs))


def _two_stage(
    network: Any, inputs: Tensor, _: Any, rois: Sequence[Tensor], taps: Collection[Tap]
) -> None:
    features = network.extract_feat(inputs)
    if any(tap.path.split(".")[0] == "rpn_head" for tap in taps):
        network.rpn_head(features)
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
        detects: Whether it predicts instances, which have to know their images.
    """

    run: Forward
    given: tuple[Tap, ...] = ()
    given_to: str | None = None
    detects: bool = False

    def needs_given(self, taps: Collection[Tap]) -> bool:
        """Tell whether a tap lies where what is given goes to."""
        return any(tap.path.split(".")[0] == self.given_to for tap in taps)

    def example(self, inputs: Tensor) -> list[Tensor]:
        """Return what could be given for an input: one box in each image, for a dry run."""
        count, _, height, width = inputs.shape
        box = torch.tensor([0.0, 0.0, width / 2, height / 2], device=inputs.device)
        images = torch.arange(count, device=inputs.device)[:, None].float()
        return [torch.cat([images, box.expand(count, 4)], dim=1) for _ in self.given]


def manner_of(network: nn.Module) -> Manner:
    """Return how a network is run, from what it is.

    A detector of mmdet goes through its RoI head, on given RoIs, or its dense head; another model
    of OpenMMLab through ``mode='tensor'``; any other module is called with images.
    """
    if not isinstance(network, BaseModel):
        return Manner(_images)
    if isinstance(head := getattr(network, "roi_head", None), nn.Module):
        path = "roi_head.bbox_roi_extractor"
        extractor = head.bbox_roi_extractor
        count = len(extractor) if isinstance(extractor, nn.ModuleList) else None
        paths = [path] if count is None else [f"{path}.{stage}" for stage in range(count)]
        given = tuple(Tap(path, input=True, index=1) for path in paths)
        return Manner(_two_stage, given, "roi_head", detects=True)
    if isinstance(getattr(network, "bbox_head", None), nn.Module) and hasattr(
        network, "extract_feat"
    ):
        return Manner(_dense, detects=True)
    return Manner(_tensor)
