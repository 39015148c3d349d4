"""Queries of DETR-like detectors, paired by the objects that they are matched to."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.locations.locations import (
    Locations,
    Maps,
    Selection,
    Side,
    check_no_labels,
    check_one_map,
)
from mmkd.networks.heads import enclosing
from mmkd.networks.taps import Tap
from mmkd.registry import MODELS


@MODELS.register_module()
class MatchedQueries(Locations):
    """Compare, for each object, the student's and the teacher's query that are matched to it.

    The queries of two DETR-like detectors have no common order. Each object of the ground truth is
    matched to a query of the student and to a query of the teacher, both by the student's matcher
    on the outputs of the last decoder layer, and these two queries are compared. Outputs have shape
    (layers, N, Q, D); the numbers of queries Q may differ. Denoising queries, which come first in
    the training of a DINO, are left out.

    The pairing is our interpretation of distillation by query. A mean is over the objects of the
    batch of a process; without any object the loss is 0, with a graph.

    Args:
        boxes: Tap of the boxes (layers, N, Q, 4), relative centre, width and height.
    """

    reads_logits = True
    # the matcher's costs need it: a teacher must have all classes of the student
    needs_labels = True
    gives_boxes = True

    def __init__(self, boxes: str = "bbox_head[1]") -> None:
        self.boxes = Tap.parse(boxes)
        self._queries: dict[str, int] = {}

    def taps(self, network: str) -> list[Tap]:
        return [self.boxes]

    def check(self, term: str, name: str, network: nn.Module) -> None:
        if not hasattr(network, "forward_transformer"):
            raise ValueError(
                f"The {name} of the term {term!r} is a {type(network).__name__}, which has no "
                "queries to match. For dense heads take "
                "locations=dict(type='mmkd.DenseLocations')."
            )

    def fit(self, term: str, sides: Mapping[str, Side], labels: Tap | None) -> None:
        check_no_labels(term, labels, "matched queries, whose labels are those of the objects")
        for name, side in sides.items():
            remedy = "Tap what the head of a DETR-like detector gives, such as 'bbox_head[0]'."
            check_one_map(term, name, side, "queries (layers, N, Q, C)", remedy)
            self._queries[name] = side.shapes[0][2]
        student = sides["student"]
        found = enclosing(student.network, student.taps[0].path, "assigner")
        if found is None:
            raise ValueError(
                f"The term {term!r} pairs queries by the student's matcher, but its head has none: "
                "give the student a train_cfg with an assigner."
            )
        self._assigner: Any = found[1].assigner

    def flatten(self, network: str, outputs: Maps) -> Tensor:
        (layers,) = outputs
        return layers[-1][:, -self._queries[network] :].flatten(0, 1)

    def select(
        self,
        student: Tensor,
        logits: Mapping[str, Tensor],
        extras: Mapping[str, Mapping[Tap, Tensor]],
        labels: Tensor | None,
        data_samples: Any,
    ) -> Selection:
        rows, boxes = dict[str, Tensor](), dict[str, Tensor]()
        for name, values in logits.items():
            boxes[name] = self.flatten(name, [extras[name][self.boxes]])
            rows[name] = self._match(values, boxes[name], data_samples)
        # With more objects than queries some objects have no query.
        paired = torch.stack([*rows.values()]).amin(0) >= 0
        classes = torch.cat([sample.gt_instances.labels for sample in data_samples])
        rows = {name: found[paired] for name, found in rows.items()}
        boxes = {name: boxes[name][found] for name, found in rows.items()}
        return Selection(rows, classes[paired], boxes=boxes)

    @torch.no_grad()
    def _match(self, logits: Tensor, boxes: Tensor, data_samples: Any) -> Tensor:
        """Return for each object of the batch the row of the query matched to it, or -1."""
        from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
        from mmengine.structures import InstanceData

        found, queries = [], len(logits) // len(data_samples)
        for image, sample in enumerate(data_samples):
            own = slice(image * queries, (image + 1) * queries)
            height, width = sample.img_shape[:2]
            size = boxes.new_tensor([width, height, width, height]).float()
            predicted = InstanceData(
                scores=logits[own].float(), bboxes=bbox_cxcywh_to_xyxy(boxes[own].float()) * size
            )
            assigned = self._assigner.assign(predicted, sample.gt_instances, sample.metainfo)
            query = assigned.gt_inds.new_full((len(sample.gt_instances),), -1)
            matched = (assigned.gt_inds > 0).nonzero()[:, 0]
            query[assigned.gt_inds[matched] - 1] = matched + image * queries
            found.append(query)
        return torch.cat(found)
