"""Kinds of records that a store keeps of a teacher's logits, and their decoding."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

Columns = dict[str, Tensor]
LEAST = 1e-38  # probability of a class that was never drawn; its logarithm must be finite


class Values(Protocol):
    """One kind of record. All kinds are dataclasses, whose fields are in the manifest."""

    @property
    def kind(self) -> str:
        """Name of the kind."""

    @property
    def entropy_dtype(self) -> torch.dtype:
        """Type of the entropies beside the logits."""

    def encode(self, logits: Tensor, generator: torch.Generator) -> Columns:
        """Return the columns (N, ...) of raw logits (N, C), float32."""

    def decode(self, columns: Mapping[str, Tensor], classes: int) -> Tensor:
        """Return logits (N, C), float32, from columns (N, ...)."""


def _index_type(classes: int) -> torch.dtype:
    if classes <= 256:
        return torch.uint8
    return torch.int16 if classes <= 2**15 else torch.int32


@dataclass(frozen=True)
class Full:
    """Record of all logits.

    Attributes:
        dtype: ``'float32'``, with which a run gets the same results as with the teacher; or
            ``'float16'``.
    """

    dtype: str = "float32"
    kind: str = "full"

    def __post_init__(self) -> None:
        if self.dtype not in ("float16", "float32"):
            raise ValueError(f"Full logits are float32 or float16, not {self.dtype}.")

    @property
    def entropy_dtype(self) -> torch.dtype:
        return torch.float32

    def encode(self, logits: Tensor, generator: torch.Generator) -> Columns:
        return {"logits": logits.to(getattr(torch, self.dtype))}

    def decode(self, columns: Mapping[str, Tensor], classes: int) -> Tensor:
        return columns["logits"].float()


@dataclass(frozen=True)
class TopK:
    """Record of the k greatest logits, and the log-sum-exp of all others at one temperature.

    Logits are stored relative to the greatest one, which does not change a softmax, so that half
    precision is most accurate for probable classes. Decoding gives the other classes equal shares
    of their mass.

    Attributes:
        k: Number of logits.
        temperature: Temperature at which the mass of the others is computed.
    """

    k: int
    temperature: float
    kind: str = "top_k"

    @property
    def entropy_dtype(self) -> torch.dtype:
        return torch.float16

    def encode(self, logits: Tensor, generator: torch.Generator) -> Columns:
        classes = logits.shape[1]
        if not 0 < self.k < classes:
            raise ValueError(
                f"--top-k is at least 1 and below the {classes} classes, not {self.k}."
            )
        logits = logits - logits.amax(1, keepdim=True)
        values, indices = logits.topk(self.k)
        others = logits.scatter(1, indices, -torch.inf) / self.temperature
        rest = others.logsumexp(1, keepdim=True) * self.temperature
        return {
            "indices": indices.to(_index_type(classes)),
            "values": values.half(),
            "rest": rest.clamp(min=torch.finfo(torch.float16).min).half(),
        }

    def decode(self, columns: Mapping[str, Tensor], classes: int) -> Tensor:
        share = self.temperature * torch.tensor(float(classes - self.k)).log()
        logits = (columns["rest"].float() - share).expand(-1, classes)
        return logits.scatter(1, columns["indices"].long(), columns["values"].float())


@dataclass(frozen=True)
class Sampled:
    """Record of classes drawn from the softmax at a temperature.

    The frequencies of the drawn classes are unbiased estimates of the softmax probabilities.

    Attributes:
        n: Number of draws.
        temperature: Temperature of the distribution.
    """

    n: int
    temperature: float
    kind: str = "sampled"

    @property
    def entropy_dtype(self) -> torch.dtype:
        return torch.float16

    def encode(self, logits: Tensor, generator: torch.Generator) -> Columns:
        if self.n < 1:
            raise ValueError(f"--sampled is at least 1, not {self.n}.")
        probabilities = (logits / self.temperature).softmax(1).cpu()
        drawn = torch.multinomial(probabilities, self.n, replacement=True, generator=generator)
        return {"drawn": drawn.to(_index_type(logits.shape[1]))}

    def decode(self, columns: Mapping[str, Tensor], classes: int) -> Tensor:
        drawn = columns["drawn"].long()
        counts = torch.zeros(len(drawn), classes, device=drawn.device)
        counts.scatter_add_(1, drawn, torch.ones_like(drawn, dtype=counts.dtype))
        return self.temperature * (counts / self.n).clamp(min=LEAST).log()


KINDS: dict[str, type[Full] | type[TopK] | type[Sampled]] = {
    "full": Full,
    "top_k": TopK,
    "sampled": Sampled,
}


def read_values(settings: Mapping[str, Any]) -> Values:
    """Return the kind of record that a manifest describes."""
    return KINDS[settings["kind"]](**settings)


def write_values(values: Any) -> dict[str, Any]:
    """Return a manifest's description of a kind of record."""
    return asdict(values)
