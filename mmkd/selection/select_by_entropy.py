"""Selection of a part of a batch by the entropies of student and teacher."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from mmkd.arguments import check_arguments, did_you_mean
from mmkd.logits.entropy import binary_entropy, entropy
from mmkd.randomness import Purpose, position_seed
from mmkd.registry import MODELS
from mmkd.schedule import Schedule

OF_TEACHER = ("teacher", "product", "gap")
ORDERS = ("highest", "lowest")
SOURCES = ("student", *OF_TEACHER, "random")
ENTROPIES = {"softmax": entropy, "sigmoid": binary_entropy}


@MODELS.register_module()
class SelectByEntropy(nn.Module):
    r"""Keep the samples of a batch with the greatest entropy; a term compares only these.

    A sample is an image of a classifier, a RoI, a location or a query. Of N samples
    :math:`\lceil keep \cdot N \rceil` are kept, at least one; of equal ones the first. The loss is
    the mean over these, and the others get no gradient from the term. Sample weights are computed
    for the kept samples, so that their ``renormalize`` is a mean over these too.

    The score of a sample, from entropies at one temperature (averaged over several teachers):

    - ``'student'``: :math:`H_s`. A classifier's teacher then runs on the kept samples only. SE-KD
      (Tavor et al., 2026) selects tokens of language models like this; images are not in the paper.
    - ``'teacher'``: :math:`H_t`, the samples that ER-KD would weigh most
    - ``'product'``: :math:`H_t H_s`, as in EA-KD
    - ``'gap'``: :math:`|H_t - H_s|`
    - ``'random'``: a random number, as a control. It depends only on the iteration and the seed of
      the process.

    Args:
        source: One of these scores.
        keep: Share of the samples that are kept, above 0 and at most 1.
        temperature: Temperature of the entropies.
        activation: ``'softmax'``, or ``'sigmoid'`` for heads that decide on each class separately:
            the mean over classes of the binary entropies.
        schedule: Arguments of :class:`mmkd.schedule.Schedule`. Its factor f says how far the
            selection acts: a share of 1 - f (1 - keep) is kept. ``dict(warmup=20)`` goes from all
            samples to ``keep`` in 20 epochs, ``dict(end=20, decay=20)`` from ``keep`` to all.
        order: ``'highest'``, or ``'lowest'`` to keep the samples with the smallest scores. With
            ``source='teacher'`` and the latter schedule that is a curriculum from certain to
            uncertain samples, EGAD's idea.

    Attributes:
        reads_teacher: Whether the score needs the teachers' logits.
        activation: As the argument; ``None`` for ``'random'``, which fits every head.

    Raises:
        ValueError: If an argument is none of these.
    """

    def __init__(
        self,
        source: str = "student",
        keep: float = 0.5,
        temperature: float = 1.0,
        activation: str = "softmax",
        schedule: Mapping[str, Any] | None = None,
        order: str = "highest",
    ) -> None:
        super().__init__()
        if source not in SOURCES:
            raise ValueError(
                f"source must be one of {SOURCES}, not {source!r}.{did_you_mean(source, SOURCES)}"
            )
        if not 0 < keep <= 1:
            raise ValueError(
                f"keep is the share of the samples that enter the term: above 0 and at most 1, "
                f"not {keep}."
            )
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        if activation not in ENTROPIES:
            raise ValueError(f"activation must be one of {(*ENTROPIES,)}, not {activation!r}.")
        if order not in ORDERS:
            raise ValueError(f"order must be one of {ORDERS}, not {order!r}.")
        if schedule is not None:
            check_arguments(Schedule, schedule, "schedule of mmkd.SelectByEntropy")
        self.source, self.keep, self.temperature = source, keep, temperature
        self.schedule = None if schedule is None else Schedule(**schedule)
        self.order = order
        self.reads_teacher = source in OF_TEACHER
        self.activation = None if source == "random" else activation
        self._entropy = ENTROPIES[activation]

    @torch.no_grad()
    def forward(self, student_logits: Sequence[Tensor], teacher_logits: Sequence[Tensor]) -> Any:
        """Return the indices of the kept samples in ascending order, (k,), or ``None`` for all.

        Args:
            student_logits: The student's raw logits for each teacher, (N, C) each: over the classes
                that both have.
            teacher_logits: Raw logits of each teacher, (N, C); nothing if none are read.
        """
        samples = len(student_logits[0])
        kept = self.count(samples)
        if kept == samples:
            return None
        if self.source == "random":
            scores = self._random(samples).to(student_logits[0].device)
        else:
            scores = self._scores(student_logits, teacher_logits)
        order = scores.sort(descending=self.order == "highest", stable=True)
        return order.indices[:kept].sort().values

    def count(self, samples: int) -> int:
        """Return the number of samples that are kept at the current point of the run."""
        factor = 1.0 if self.schedule is None else self.schedule.now()
        # The rounding keeps 0.1 * 30 = 3.0000000000000004 from becoming 4.
        kept = math.ceil(round((1 - factor * (1 - self.keep)) * samples, 9))
        return min(samples, max(1, kept))

    def _scores(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Tensor:
        own = torch.stack([self._of(logits) for logits in students])
        if self.source == "student":
            return own.mean(0)
        other = torch.stack([self._of(logits) for logits in teachers])
        scores = dict(teacher=other, product=other * own, gap=(other - own).abs())
        return scores[self.source].mean(0)

    def _of(self, logits: Tensor) -> Tensor:
        return self._entropy(logits, self.temperature)

    @staticmethod
    def _random(samples: int) -> Tensor:
        """Return random numbers, and leave torch's generator as it is."""
        iteration = int(MessageHub.get_current_instance().get_info("iter", 0))
        # The hook for exact resuming seeds torch anew in each step, by the run's seed and the rank.
        seed = position_seed(torch.initial_seed() % 2**63, Purpose.SELECTION, iteration)
        return torch.rand(samples, generator=torch.Generator().manual_seed(seed))
