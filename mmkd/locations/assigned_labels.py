"""Where dense heads of mmdet show the labels that they assign to locations."""

from torch import nn

from mmkd.networks.heads import enclosing
from mmkd.networks.taps import Tap

# By the class of mmdet whose code computes the losses: what of the head takes the labels, and
# whether they come image by image, or level by level with all images in each.
LABELS = {
    "AnchorHead": ("loss_cls*:input[1]", "levels"),
    "ATSSHead": ("loss_cls*:input[1]", "levels"),
    "FCOSHead": ("loss_cls*:input[1]", "levels"),
    "GFLHead": ("loss_cls*:input[1][0]", "levels"),
    "LDHead": ("loss_cls*:input[1][0]", "levels"),
    "RTMDetHead": ("loss_cls*:input[1][0]", "levels"),
    "YOLOXHead": ("loss_obj:input[1]", "images"),
}
METHODS = ("loss_by_feat", "loss_by_feat_single")


def assigned_labels(network: nn.Module, path: str) -> tuple[Tap, str] | None:
    """Return the tap of a dense head's assigned labels and their order, if its code is known.

    Args:
        network: The detector.
        path: Path of its head, or of a part of it.
    """
    head = enclosing(network, path, "loss_by_feat")
    if head is None:
        return None
    where, module = head
    owners = [_owner(type(module), method) for method in METHODS if hasattr(module, method)]
    if any(owner not in LABELS for owner in owners):
        return None
    tap, order = LABELS[owners[0]]
    return Tap.parse(f"{where}.{tap}"), order


def _owner(head: type, method: str) -> str:
    """Return the name of the class whose code of a method a head runs."""
    return next(owner.__name__ for owner in head.__mro__ if method in vars(owner))
