"""Decode heads of mmseg's segmentation networks."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from torch import Tensor, nn

from mmkd.networks.taps import Tap


def decode_heads(network: nn.Module) -> dict[str, Any]:
    """Return a network's decode heads by path, several for a cascade, none for other networks."""
    head = getattr(network, "decode_head", None)
    if isinstance(head, nn.ModuleList):
        return {f"decode_head.{stage}": one for stage, one in enumerate(head)}
    return {"decode_head": head} if isinstance(head, nn.Module) else {}


def ignored_label(network: nn.Module) -> int | None:
    """Return the label of pixels that a network's losses ignore, 255 as a rule, if there is one."""
    heads = [*decode_heads(network).values()]
    ignored: int | None = getattr(heads[-1], "ignore_index", None) if heads else None
    return ignored


def refuses_pixels(network: nn.Module) -> str | None:
    """Return why a network has no class logits of pixels, or ``None`` if it has some."""
    head = [*decode_heads(network).values()][-1]
    if hasattr(head, "get_points_train"):
        return "its last head classifies points that it chooses anew in each forward"
    if not hasattr(head, "cls_seg"):
        return "its queries give masks and a class for each mask, not classes of pixels"
    if hasattr(network, "text_encoder"):
        return "its head reads texts and images besides features"
    return None


def run_segmentor(
    network: Any, inputs: Tensor, _: Any, __: Any, taps: Collection[Tap]
) -> Tensor | None:
    """Run a network as far as its taps need it, and return the logits (N, C, H, W) of pixels."""
    features = network.extract_feat(inputs)
    output: Any = None
    if any(tap.path.partition(".")[0] == "decode_head" for tap in taps):
        for head in decode_heads(network).values():
            output = head(features) if output is None else head(features, output)
    # Some heads return further outputs behind the logits.
    logits: Tensor | None = output[0] if isinstance(output, list | tuple) else output
    return logits


def heads_past_hooks(network: nn.Module) -> list[nn.Module]:
    """Return the decode heads whose losses call ``self.forward`` and therefore run no hooks."""
    return [head for head in decode_heads(network).values() if hasattr(head, "cls_seg")]


def with_hooks(heads: Collection[nn.Module], forward: Callable[[], Any]) -> Any:
    """Run a training forward in which the hooks of :func:`heads_past_hooks` are called."""
    for head in heads:
        vars(head)["forward"] = partial(_call, head)
    try:
        return forward()
    finally:
        for head in heads:
            vars(head).pop("forward", None)


def _call(head: nn.Module, *arguments: Any, **keywords: Any) -> Any:
    mine = vars(head).pop("forward")
    try:
        return head(*arguments, **keywords)
    finally:
        vars(head)["forward"] = mine
