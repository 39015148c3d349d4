"""Decoder of a DETR-like detector, run on queries that are not its own."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from torch import Tensor, nn

from mmkd.networks.taps import Tap

Queries = Mapping[str, Tensor]

ENCODER = Tap("encoder")
LEVELS = Tap("neck", items=(None,))
# What mmdet's decoders take of a query: its content, its embedding or anchor, its reference.
PARTS = ("query", "query_pos", "reference_points")


class QueryDecoder:
    """Everything behind a detector's encoder for one batch: its queries, its decoder, its head.

    Args:
        network: A detector of mmdet with encoder, decoder and ``bbox_head``.
        levels: The maps of its neck, (N, C, H, W) each.
        memory: The output of its encoder, (N, L, C), which is not computed again.
        data_samples: The batch's data samples, for the sizes of images.
    """

    def __init__(
        self, network: nn.Module, levels: Sequence[Tensor], memory: Tensor, data_samples: Any
    ) -> None:
        behind: Any = copy(network)
        behind._modules = {**network._modules, "encoder": _Given(memory)}
        encoder, self._decoder = behind.pre_transformer(tuple(levels), data_samples)
        self._encoded = behind.forward_encoder(**encoder)
        self._decoder["memory"] = memory
        self._behind = behind

    def queries(self) -> dict[str, Tensor]:
        """Return the queries with which the network predicts: each part as (N, Q, ...)."""
        inputs, _ = self._behind.pre_decoder(**self._encoded)
        return {part: inputs[part] for part in PARTS if part in inputs}

    def __call__(self, queries: Queries) -> tuple[Tensor, ...]:
        """Return the head's outputs, class logits and boxes, (layers, N, Q, ...) each."""
        states = self._behind.forward_decoder(**self._decoder, **queries)
        outputs: tuple[Tensor, ...] = self._behind.bbox_head(**states)
        return outputs


class _Given(nn.Module):
    """Encoder whose output is known already."""

    def __init__(self, memory: Tensor) -> None:
        super().__init__()
        self.memory = memory

    def forward(self, **_: Any) -> Tensor:
        return self.memory
