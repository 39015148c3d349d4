"""A term's effect on each sample: its weights, temperature and target."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmkd.distillers import Distiller, Step
from mmkd.networks.taps import Tap
from mmkd.teachers.renormalize import Normalization
from mmkd.terms.labels import class_labels
from mmkd.terms.term import Term


@dataclass(frozen=True)
class Samples:
    """Samples of a classifier's training data, as a term processes them.

    Attributes:
        images: Images that the networks saw, RGB or grey, shape (N, H, W, 3).
        labels: Class indices, shape (N,).
        teachers: Names of the K teachers.
        predictions: Class that each teacher predicts, shape (K, N).
        weights: Sample weights times teacher weights, shape (K, N), if the term has either.
        temperatures: Softmax temperatures, shape (N,), if they differ from sample to sample.
        targets: Probabilities of the only teacher before and after their adjustment, shape (2, N,
            C), if the term adjusts them.
    """

    images: NDArray[np.uint8]
    labels: Tensor
    teachers: list[str]
    predictions: Tensor
    weights: Tensor | None
    temperatures: Tensor | None
    targets: Tensor | None

    @property
    def right(self) -> Tensor:
        """Whether each teacher predicts the label, shape (K, N)."""
        return self.predictions == self.labels


@torch.no_grad()
def collect_samples(distiller: Distiller, batches: Iterable[dict[str, Any]], name: str) -> Samples:
    """Run training steps without their updates, and return the term's effect on the samples.

    Args:
        distiller: A distiller of classifiers, in eval mode.
        batches: Batches of the training data.
        name: The term's name.

    Raises:
        ValueError: If there is no such term, or none of its parts differs from sample to sample.
    """
    term = _term(distiller, name)
    taps = _logit_taps(term)
    found: dict[str, list[Tensor]] = {}

    def keep(key: str, value: Tensor) -> None:
        found.setdefault(key, []).append(value.detach().float().cpu())

    def record(step: Step) -> None:
        weight = step.terms[name].weight
        if weight is not None:
            keep("weights", weight.T)
        logits = [step.features[teacher][tap] for teacher, tap in taps.items()]
        keep("logits", torch.stack(logits, dim=1))

    def look(module: nn.Module, given: Any, output: Tensor) -> None:
        # If each side has a temperature, the teacher's is kept, because it enters the loss.
        keep("temperatures", (output[1] if isinstance(output, tuple) else output).reshape(-1))

    def compare(module: nn.Module, given: Any, output: Tensor) -> None:
        keep("targets", torch.stack([given[0].exp(), output.exp()], dim=1))

    with ExitStack() as stack:
        stack.enter_context(distiller.observe(record))
        for part, hook in (("temperature", look), ("target", compare)):
            module = getattr(term.loss, part, None)
            if isinstance(module, nn.Module):
                stack.enter_context(module.register_forward_hook(hook))
        for data in batches:
            keep("images", _pixels(distiller, data["inputs"]))
            batch = distiller.data_preprocessor(data, True)
            keep("labels", _labels(batch["data_samples"]))
            distiller(**batch, mode="loss")
    joined = {key: torch.cat(values) for key, values in found.items()}
    temperatures = joined.get("temperatures")
    if temperatures is not None and len(temperatures) < len(joined["labels"]):
        temperatures = None  # one temperature for the whole batch
    return Samples(
        images=joined["images"].byte().permute(0, 2, 3, 1).numpy(),
        labels=joined["labels"].long(),
        teachers=list(term.teacher_taps),
        predictions=joined["logits"].argmax(-1).T,
        weights=joined["weights"].T if "weights" in joined else None,
        temperatures=temperatures,
        targets=joined["targets"].transpose(0, 1) if "targets" in joined else None,
    )


def _term(distiller: Distiller, name: str) -> Term:
    if name not in distiller.terms:
        raise ValueError(f"There is no term {name!r}; there are {', '.join(distiller.terms)}.")
    term = distiller.terms[name]
    parts = [getattr(term.loss, part, None) for part in ("temperature", "target")]
    if not term.weighs and not any(isinstance(part, nn.Module) for part in parts):
        raise ValueError(
            f"The term {name!r} treats all samples alike: it has no sample or teacher weight, no "
            "dynamic temperature and no adjusted target."
        )
    return term


def _logit_taps(term: Term) -> dict[str, Tap]:
    taps: dict[str, Tap] = {}
    for teacher in term.teacher_taps:
        tap = term.logit_taps[teacher]
        if not isinstance(tap, Tap) or tap not in term.taps[teacher]:
            raise ValueError(f"The term {term.name!r} reads no logits of whole images.")
        taps[teacher] = tap
    return taps


def _labels(data_samples: Any) -> Tensor:
    labels = class_labels(data_samples)
    if labels is None:
        raise ValueError("The samples have no hard labels, by which they could be shown.")
    return labels


def _pixels(distiller: Distiller, inputs: Any) -> Tensor:
    """Return the images of a batch as RGB, (N, 3, H, W) from 0 to 255."""
    images = torch.stack(list(inputs)).float()
    normalization = Normalization.of(distiller.student)
    if normalization is not None and normalization.flips_channels:  # they are loaded as BGR
        images = images.flip(1)
    return images.expand(-1, 3, -1, -1)
