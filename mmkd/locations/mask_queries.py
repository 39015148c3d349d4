"""Queries that give masks, paired by the objects that they are matched to."""

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
    title,
)
from mmkd.networks.mask_queries import mask_head, objects_of
from mmkd.networks.taps import Tap
from mmkd.registry import MODELS

MASKS = Tap("@masks")


@MODELS.register_module()
class MaskQueries(Locations):
    """Compare, for each object, the student's and the teacher's mask query matched to it.

    The queries of two networks of the kind of MaskFormer (Cheng et al., NeurIPS 2021) and
    Mask2Former (Cheng et al., CVPR 2022) have no common order. Each object of the annotation, in
    semantic segmentation each class in the image, is matched to a query of the student and to a
    query of the teacher, both by the student's matcher on the outputs of the last decoder layer,
    and these two queries are compared. The matcher reads whole masks, so that all terms of a step
    pair the same queries; in Mask2Former's training it reads random points of masks.

    A term compares class logits, ``'@logits'``, rows of classes and "no object", or mask logits,
    ``'@masks'``, rows of the pixels of the student's masks; those of a teacher with masks of
    another size are interpolated. The pairing is our interpretation of distillation by query. A
    mean is over the objects of the batch of a process; without any object the loss is 0, with a
    graph.
    """

    reads_logits = True
    # the matcher's costs need it: a teacher must have all classes of the student
    needs_labels = True

    def __init__(self) -> None:
        self._masks: dict[str, Tap] = {}
        self._size: tuple[int, ...] = ()

    def taps(self, network: str) -> list[Tap]:
        return [self._masks.get(network, MASKS)]

    def expand(self, short: Mapping[str, Mapping[Tap, Any]]) -> None:
        for name, taps in short.items():
            if MASKS in taps:
                self._masks[name] = taps[MASKS]

    def check(self, term: str, name: str, network: nn.Module) -> None:
        if mask_head(network) is None:
            raise ValueError(
                f"The {title(name)} of the term {term!r} is a {type(network).__name__}, whose head "
                "has no queries that give masks. For boxes of queries take "
                "locations=dict(type='mmkd.MatchedQueries'), for pixels mmkd.PixelLocations."
            )

    def fit(self, term: str, sides: Mapping[str, Side], labels: Tap | None) -> None:
        check_no_labels(term, labels, "matched queries, whose labels are those of the objects")
        for name, side in sides.items():
            if len(side.taps) != 1 or side.taps[0].path != self._masks[name].path:
                raise ValueError(
                    f"The term {term!r} compares queries that give masks, but of the {title(name)} "
                    f"it taps {', '.join(map(str, side.taps))}. Tap '@logits' or '@masks'."
                )
        own = sides["student"]
        if own.taps[0] == self._masks["student"]:
            self._size = tuple(own.shapes[0][-2:])
        student: Any = own.network
        self._head: Any = getattr(student, str(mask_head(student)))
        if not hasattr(self._head, "assigner"):
            raise ValueError(
                f"The term {term!r} pairs queries by the student's matcher, but its head has none: "
                "give the student a train_cfg with an assigner."
            )

    def flatten(self, network: str, outputs: Maps) -> Tensor:
        (found,) = outputs
        last = self._last(network, found)
        return (last if last.dim() == 3 else self._sized(last).flatten(2)).flatten(0, 1)

    def _last(self, network: str, found: Tensor) -> Tensor:
        """Return the last layer's output. MaskFormer's layers are one tensor."""
        return found if len(self._masks[network].items) == 2 else found[-1]

    def _sized(self, masks: Tensor) -> Tensor:
        """Return masks (N, Q, H, W) in the size of the student's."""
        if not self._size or masks.shape[2:] == self._size:
            return masks
        return interpolate(masks, self._size, mode="bilinear", align_corners=False)

    def select(
        self,
        student: Tensor,
        logits: Mapping[str, Tensor],
        extras: Mapping[str, Mapping[Tap, Tensor]],
        labels: Tensor | None,
        data_samples: Any,
    ) -> Selection:
        masks = {name: self._last(name, extras[name][tap]) for name, tap in self._masks.items()}
        self._size = tuple(masks["student"].shape[2:])  # images of a run may have several sizes
        objects = [self._sized_objects(each) for each in objects_of(self._head, data_samples)]
        rows = {
            name: self._match(values, self._sized(masks[name]), objects, data_samples)
            for name, values in logits.items()
        }
        # With more objects than queries some objects have no query.
        paired = torch.stack([*rows.values()]).amin(0) >= 0
        classes = torch.cat([each.labels for each in objects])
        return Selection({name: found[paired] for name, found in rows.items()}, classes[paired])

    def _sized_objects(self, objects: Any) -> Any:
        """Return an image's objects with masks in the size of the student's."""
        from mmengine.structures import InstanceData

        masks = objects.masks
        if len(masks):
            masks = interpolate(masks[:, None].float(), self._size, mode="nearest")[:, 0]
        return InstanceData(labels=objects.labels, masks=masks.long())

    @torch.no_grad()
    def _match(self, logits: Tensor, masks: Tensor, objects: Any, data_samples: Any) -> Tensor:
        """Return for each object of the batch the row of the query matched to it, or -1."""
        from mmengine.structures import InstanceData

        found, queries = [], masks.shape[1]
        for image, (own, sample) in enumerate(zip(objects, data_samples, strict=True)):
            rows = logits[image * queries : (image + 1) * queries].float()
            predicted = InstanceData(scores=rows, masks=masks[image].float())
            assigned = self._head.assigner.assign(predicted, own, sample.metainfo)
            query = assigned.gt_inds.new_full((len(own.labels),), -1)
            matched = (assigned.gt_inds > 0).nonzero()[:, 0]
            query[assigned.gt_inds[matched] - 1] = matched + image * queries
            found.append(query)
        return torch.cat(found)
