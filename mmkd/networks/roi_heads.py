"""RoI heads of mmdet: their extra inputs, and those that cannot be compared RoI by RoI."""

import inspect
from collections.abc import Sequence
from typing import Any

from torch import Tensor


def branch_features(head: Any, features: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return the features of whole images that a RoI head reads in addition to the neck's levels.

    HTC has a semantic branch and SCNet a global one in addition; each gives its prediction and its
    feature (N, C, H, W), which ``_bbox_forward`` takes by the names ``semantic_feat`` and
    ``glbctx_feat``.

    Args:
        head: The RoI head.
        features: The levels of the neck, each (N, C, H, W).
    """
    given = {}
    for branch in ("semantic", "glbctx"):
        if getattr(head, f"with_{branch}", False):
            given[f"{branch}_feat"] = getattr(head, f"{branch}_head")(features)[1]
    return given


def pools_twice(head: Any) -> bool:
    """Return whether a RoI head pools each RoI twice, to classify it and for its box."""
    return hasattr(head, "reg_roi_scale_factor")


def refuses_rois(head: Any) -> str | None:
    """Return why a RoI head cannot run on RoIs from another network, or ``None`` if it can."""
    if not hasattr(head, "_bbox_forward"):
        return "has no _bbox_forward, as mmdet's RoI heads do"
    stages = int(hasattr(head, "num_stages"))
    parameters = list(inspect.signature(head._bbox_forward).parameters.values())
    missing = [p.name for p in parameters[2 + stages :] if p.default is p.empty]
    if missing:
        return f"takes {', '.join(missing)} besides features and RoIs"
    predictions = getattr(head.bbox_head, "num_instance", 1)
    if predictions > 1:
        return f"predicts {predictions} objects of each RoI, in no fixed order"
    return None


def withholds_rois(head: Any) -> str | None:
    """Return why a teacher cannot take a student's RoIs, or ``None`` if it can."""
    if hasattr(head, "num_branch"):
        return "has RoIs for each of its branches, not for the images"
    return None
