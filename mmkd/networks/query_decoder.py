"""Decoder of a DETR-like detector, run on queries that are not its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from torch import Tensor, nn

from mmkd.networks.taps import Tap

Queries = Mapping[str, Tensor]

ENCODER = Tap("encoder")
LEVELS = Tap("neck", items=(None,))
# Parts of a query that mmdet's decoders take: content, embedding or anchor, reference.
PARTS = ("query", "query_pos", "reference_points")
# Mask (Q, Q) of the queries that a query does not attend to; no part of a query.
MASK = "dn_mask"


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

    def noised(self, data_samples: Any) -> dict[str, Tensor]:
        """Return denoising queries, drawn anew from the objects of a batch, and their mask."""
        content, boxes, mask, meta = self._behind.dn_query_generator(data_samples)
        count = meta["num_denoising_queries"]
        parts = dict(query=content, reference_points=boxes.sigmoid())
        return {**parts, MASK: mask[:count, :count]}

    def __call__(self, queries: Queries) -> tuple[Tensor, ...]:
        """Return the head's outputs, class logits and boxes, (layers, N, Q, ...) each."""
        with choosing_among(self._behind, queries["query"].shape[1]):
            states = self._behind.forward_decoder(**self._decoder, **queries)
            outputs: tuple[Tensor, ...] = self._behind.bbox_head(**states)
        return outputs


@contextmanager
def choosing_among(network: Any, count: int) -> Iterator[None]:
    """Let a DDQ choose distinct queries among the given ones only, as in evaluation.

    The decoder and the head of a DDQ share a dict, which has the range of queries to choose among
    and the chosen ones. The student's losses, which are computed before, have read it; at the end
    it is restored.

    Args:
        network: A detector; those without such a dict stay as they are.
        count: Number of queries.
    """
    cache = getattr(network, "cache_dict", None)
    if cache is None:
        yield
        return
    kept, parts = dict(cache), [network.decoder, network.bbox_head]
    modes = [part.training for part in parts]
    cache["dis_query_info"] = [0, count]
    try:
        for part in parts:  # in training they also expect denoising and dense queries
            part.training = False
        yield
    finally:
        cache.update(kept)
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


class _Given(nn.Module):
    """Encoder whose output is known already."""

    def __init__(self, memory: Tensor) -> None:
        super().__init__()
        self.memory = memory

    def forward(self, **_: Any) -> Tensor:
        return self.memory
