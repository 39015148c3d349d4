"""Runs of a transformer on images of which some patches are masked."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.networks.dry_run import device_of
from mmkd.networks.grids import to_tokens
from mmkd.networks.manner import manner_of
from mmkd.networks.taps import Tap, run_tapped
from mmkd.typed import uncompiled

# Names of the module that turns an image into patches, in mmpretrain and timm, transformers and
# torchvision.
EMBEDDINGS = ("patch_embed", "patch_embeddings", "conv_proj")


class MaskedPatches:
    """A transformer whose patches can be replaced by a token, before their positions are added.

    The network is not a submodule of this object. When a model is copied, as for EMA, a reference
    to its student becomes one to the copied student.

    Args:
        network: The network.
        path: Path of the module that gives its patches.
        tap: Tap of the network's last map or tokens.
        count: Number of patches L of an image.
        width: Number of channels D of a patch.
    """

    def __init__(self, network: nn.Module, path: str, tap: Tap, count: int, width: int) -> None:
        self._network, self._path, self._tap = network, path, tap
        self.count, self.width = count, width

    @classmethod
    def find(cls, network: nn.Module, inputs: Tensor, tap: Tap) -> "MaskedPatches | None":
        """Return the masked patches of a network in eval mode, or ``None`` if it has no patches.

        Its patches must be as many as the positions at the tap, so that one knows which positions
        of the map were masked. A Swin transformer merges its patches, so that the result is
        ``None``.

        Args:
            network: The network.
            inputs: An example of its input (N, C, H, W).
            tap: Tap of the network's last map or tokens.
        """
        paths = [p for p, _ in network.named_modules() if p.split(".")[-1] in EMBEDDINGS]
        taps = [Tap(path) for path in paths]
        seen: dict[str, list[Tensor]] = {path: [] for path in paths}
        handles = [
            network.get_submodule(path).register_forward_hook(
                lambda _, __, output, path=path: seen[path].append(_tokens(output))
            )
            for path in paths
        ]
        try:
            _, caught = run_tapped(network, [tap], _forward(network, inputs, [tap, *taps]))
        finally:
            for handle in handles:
                handle.remove()
        ran = {path: tokens[0] for path, tokens in seen.items() if len(tokens) == 1}
        feature = caught[tap]
        if len(ran) != 1 or feature.dim() not in (3, 4):
            return None
        [(path, tokens)] = ran.items()
        positions = feature.shape[1] if feature.dim() == 3 else feature[0, 0].numel()
        if tokens.shape[1] != positions:
            return None
        print_log(f"Patches are masked at '{path}', {positions} of {tokens.shape[2]} channels.")
        return cls(network, path, tap, *tokens.shape[1:])

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return device_of(self._network)

    @uncompiled
    def __call__(self, inputs: Tensor, mask: Tensor, token: Tensor) -> Tensor:
        """Return the last map or tokens of images with masked patches.

        Args:
            inputs: Images (N, C, H, W).
            mask: Whether a patch is masked, (N, L).
            token: Token that replaces masked patches, (D,).
        """

        def replace(_: nn.Module, __: Any, output: Any) -> Any:
            first = output if isinstance(output, Tensor) else output[0]
            hidden = mask.reshape(len(mask), *first.shape[2:]) if first.dim() == 4 else mask
            channel = 1 if first.dim() == 4 else 2
            put = token.to(first).reshape(-1, *[1] * (first.dim() - channel - 1))
            masked = torch.where(hidden.unsqueeze(channel), put, first)
            return masked if isinstance(output, Tensor) else (masked, *output[1:])

        network, taps = self._network, [self._tap]
        handle = network.get_submodule(self._path).register_forward_hook(replace)
        try:
            _, caught = run_tapped(network, taps, _forward(network, inputs, taps))
        finally:
            handle.remove()
        return caught[self._tap]


def _forward(network: nn.Module, inputs: Tensor, taps: Sequence[Tap]) -> partial[Any]:
    return partial(manner_of(network).forward, network, inputs, taps)


def _tokens(output: Any) -> Tensor:
    """Return patches as tokens (N, L, D), from the output of a module that embeds them."""
    first: Tensor = output if isinstance(output, Tensor) else output[0]
    return to_tokens(first) if first.dim() == 4 else first
