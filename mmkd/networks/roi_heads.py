"""RoI heads of mmdet that cannot be compared RoI by RoI."""

import inspect
from typing import Any


def refuses_rois(head: Any) -> str | None:
    """Return why a RoI head cannot run on RoIs from another network, or ``None`` if it can."""
    if not hasattr(head, "_bbox_forward"):
        return "has no _bbox_forward, as mmdet's RoI heads do"
    stages = int(hasattr(head, "num_stages"))
    parameters = list(inspect.signature(head._bbox_forward).parameters.values())
    missing = [p.name for p in parameters[2 + stages :] if p.default is p.empty]
    if missing:
        return f"takes {', '.join(missing)} besides features and RoIs"
    branches = [name for name in ("semantic", "glbctx") if getattr(head, f"with_{name}", False)]
    if branches:
        return f"also classifies by what its {' and '.join(branches)} branch gives"
    return None


def withholds_rois(head: Any) -> str | None:
    """Return why a teacher cannot take a student's RoIs, or ``None`` if it can."""
    if hasattr(head, "reg_roi_scale_factor"):
        return "pools each RoI twice, to classify it and for its box"
    if hasattr(head, "num_branch"):
        return "has RoIs for each of its branches, not for the images"
    return None
