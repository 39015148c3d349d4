"""Locations of segmentation networks: the pixels of their maps."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmkd.locations.locations import (
    Locations,
    Maps,
    Selection,
    Side,
    check_no_labels,
    check_one_map,
    title,
)
from mmkd.networks.mask_queries import mask_head
from mmkd.networks.segmentation import decode_heads, ignored_label
from mmkd.networks.taps import Tap
from mmkd.registry import MODELS


@MODELS.register_module()
class PixelLocations(Locations):
    """Compare segmentation networks pixel by pixel, like classifiers image by image.

    The map (N, C, H, W) that a term compares becomes rows (R, C), one for each pixel of the
    student's map. Maps of another size, such as those of a teacher with another output stride, are
    interpolated to that size. Each pixel has the label of the nearest pixel of the annotation;
    pixels whose label the student's head ignores, 255 as a rule, are left out. That includes the
    padding of a batch. Without annotations all pixels are compared.

    A mean is over the pixels that are compared, of one process. If all are left out the loss is 0,
    with a graph.
    """

    reads_logits = False

    def check(self, term: str, name: str, network: nn.Module) -> None:
        if not decode_heads(network):
            raise ValueError(
                f"The {title(name)} of the term {term!r} is a {type(network).__name__}, which has "
                "no decode head as mmseg's networks do, and so no pixels to compare. For dense "
                "heads of detectors take locations=dict(type='mmkd.DenseLocations')."
            )

    def fit(self, term: str, sides: Mapping[str, Side], labels: Tap | None) -> None:
        check_no_labels(term, labels, "pixels, whose labels are those of the annotation")
        for name, side in sides.items():
            queries = mask_head(side.network)
            if queries in [tap.path.partition(".")[0] for tap in side.taps]:
                raise ValueError(
                    f"The term {term!r} compares pixels, but '{side.taps[0]}' of the {title(name)} "
                    "is of queries, which give masks and a class for each mask: take "
                    "locations=dict(type='mmkd.MaskQueries'), or compare features, such as '@map'."
                )
            remedy = "Tap one map, such as '@logits' or '@map'."
            check_one_map(term, name, side, "the pixels of one map (N, C, H, W)", remedy)
        student = sides["student"]
        self._tap = student.taps[0]
        self._size = student.shapes[0][2:]
        self._ignored = ignored_label(student.network)

    def flatten(self, network: str, outputs: Maps) -> Tensor:
        (maps,) = outputs
        if maps.dim() != 4:
            raise ValueError(
                f"The {title(network)} has no class logits of pixels: its queries give masks and "
                "a class for each mask. Take locations=dict(type='mmkd.MaskQueries')."
            )
        if maps.shape[2:] != self._size:
            maps = interpolate(maps, self._size, mode="bilinear", align_corners=False)
        return maps.permute(0, 2, 3, 1).flatten(0, 2)

    def select(
        self,
        student: Tensor,
        logits: Mapping[str, Tensor],
        extras: Mapping[str, Mapping[Tap, Tensor]],
        labels: Tensor | None,
        data_samples: Any,
    ) -> Selection:
        maps = extras["student"][self._tap]
        self._size = maps.shape[2:]  # images of a run may have several sizes
        classes = self._annotated(data_samples)
        if classes is None or self._ignored is None:
            rows = torch.arange(maps[:, 0].numel(), device=maps.device)
        else:
            rows = (classes != self._ignored).nonzero()[:, 0]
        return Selection(dict.fromkeys(extras, rows), None if classes is None else classes[rows])

    def _annotated(self, data_samples: Any) -> Tensor | None:
        """Return the label of each pixel of the student's map, (N x H x W), if there are labels."""
        if not data_samples or any("gt_sem_seg" not in sample for sample in data_samples):
            return None
        annotation = torch.stack([sample.gt_sem_seg.data for sample in data_samples])
        nearest = interpolate(annotation.float(), self._size, mode="nearest-exact")
        return nearest.long().flatten()
