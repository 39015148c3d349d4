"""Memories of embeddings that samples are contrasted with."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.dist import all_gather, get_rank
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn.functional import normalize

# Random numbers that are drawn at once, so that a bank of a large data set fits into memory.
AT_ONCE = 2**26
# Seeds between those of one step and of the next: more than there are processes.
STEP = 2**20


@dataclass
class Contrasts:
    """What the samples of a batch are contrasted with.

    Attributes:
        student: Cosines of the student's embeddings with the teacher's, (N, 1 + K): of the same
            sample, and of K others.
        teacher: Cosines of the teacher's embeddings with the student's, likewise.
        valid: Which of the K are negatives of the sample, (N, K).
    """

    student: Tensor
    teacher: Tensor
    valid: Tensor


class ContrastMemory(nn.Module, ABC):
    """Embeddings of both networks and their labels, the same in each process.

    They are buffers: checkpoints hold them, and a resumed run goes on with them. Each process tells
    the others what it saw, so that the memories stay equal; DDP makes them equal at the start.

    Args:
        size: Number of samples in it.
        dim: Length of an embedding.
    """

    student: Tensor
    teacher: Tensor
    labels: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        if size < 2:
            raise ValueError(f"A memory of contrasts needs two samples or more, not {size}.")
        self.size = size
        print_log(
            f"{type(self).__name__} of CRDLoss: {size} embeddings of {dim} numbers a network, "
            f"{(2 * dim * 4 + 8) * size / 1e6:.1f} MB in each process and in each checkpoint.",
            "current",
        )
        bound = math.sqrt(3 / dim)  # so that embeddings have length 1 in the mean
        for name in ("student", "teacher"):
            self.register_buffer(name, torch.empty(size, dim).uniform_(-bound, bound))
        self.register_buffer("labels", torch.full((size,), -1))

    @abstractmethod
    def contrast(
        self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor
    ) -> Contrasts:
        """Contrast embeddings (N, dim) of a batch, of unit length, with what was seen before.

        Args:
            student: The student's.
            teacher: The teacher's.
            places: Index of each sample in the data set, shape (N,).
            labels: Class of each sample, shape (N,).
        """

    @torch.no_grad()
    def remember(self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor) -> None:
        """Take in the embeddings of the batches of all processes; arguments as in `contrast`."""
        given = (student.detach(), teacher.detach(), places, labels)
        self.store(*(torch.cat(all_gather(part.contiguous())) for part in given))

    @abstractmethod
    def store(self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor) -> None:
        """Take in embeddings, the same in each process."""


class MemoryBank(ContrastMemory):
    """A place for each sample of the data set.

    The negatives of a sample are drawn anew in each step, without repetition, from the samples of
    other classes, as in the released code: of all of them, if :meth:`know_labels` was called before
    the first step, and else also of those that no batch has shown yet. What is drawn follows from
    the seed, the step and the process, so that a resumed run draws what it would have drawn, and
    nothing else that is random changes.

    Args:
        size: Samples in the data set.
        dim: Length of an embedding.
        negatives: Number of negatives of a sample. Where there are fewer samples of other classes,
            it is all of these.
        momentum: Share of what is remembered of a sample when it is seen again.
    """

    steps: Tensor

    def __init__(self, size: int, dim: int, negatives: int, momentum: float) -> None:
        super().__init__(size, dim)
        self.negatives, self.momentum = min(negatives, size), momentum
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def know_labels(self, labels: Tensor) -> None:
        """Take the class of each sample of the data set, shape (M,), in its order.

        Raises:
            ValueError: If there are more labels than places.
        """
        if len(labels) > self.size:
            raise ValueError(
                f"CRDLoss has a memory for {self.size} samples, and the training data has "
                f"{len(labels)}: set num_samples={len(labels)}."
            )
        self.labels[: len(labels)] = labels.to(self.labels)

    def contrast(
        self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor
    ) -> Contrasts:
        drawn, valid = self._draw(places, labels)
        chosen = torch.cat([places[:, None], drawn], dim=1)
        # Products with the whole memory take less room than rows of it for each negative. It is
        # copied since what is remembered changes before the backward pass.
        own = student @ self.teacher.to(student).clone().T
        theirs = teacher @ self.student.to(teacher).clone().T
        return Contrasts(own.gather(1, chosen), theirs.gather(1, chosen), valid)

    def _draw(self, places: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the places of negatives, (N, K), and which of them are of other classes."""
        seed = torch.initial_seed() + int(self.steps) * STEP + get_rank()
        generator = torch.Generator(places.device).manual_seed(seed % 2**63)
        drawn, valid = [], []
        rows = max(AT_ONCE // self.size, 1)
        for own, label in zip(places.split(rows), labels.split(rows), strict=True):
            keys = torch.rand(len(own), self.size, generator=generator, device=own.device)
            # Among random keys the largest K are K places drawn without repetition.
            keys[self.labels == label[:, None]] = -1.0
            keys.scatter_(1, own[:, None], -1.0)
            largest, chosen = keys.topk(self.negatives, sorted=False)
            drawn.append(chosen)
            valid.append(largest >= 0)
        return torch.cat(drawn), torch.cat(valid)

    def store(self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor) -> None:
        self.steps += 1
        # Where a sample occurs twice the last one counts, in each process alike.
        twice = (places[:, None] == places[None]).triu(1).any(1)
        student, teacher, places = student[~twice], teacher[~twice], places[~twice]
        self.labels[places] = labels[~twice]
        for memory, new in ((self.student, student), (self.teacher, teacher)):
            mixed = self.momentum * memory[places] + (1 - self.momentum) * new.to(memory)
            memory[places] = normalize(mixed, dim=1)


class MemoryQueue(ContrastMemory):
    """The last samples seen, all of which are negatives of the next ones of other classes.

    Its size does not depend on that of the data set, and no index of samples is needed. The
    positive of a sample is what the other network makes of it in the same step.

    Args:
        size: Number of samples in it.
        dim: Length of an embedding.
    """

    place: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__(size, dim)
        self.register_buffer("place", torch.zeros((), dtype=torch.long))

    def contrast(
        self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor
    ) -> Contrasts:
        positive = (student * teacher).sum(1, keepdim=True)
        own = student @ self.teacher.to(student).clone().T
        theirs = teacher @ self.student.to(teacher).clone().T
        return Contrasts(
            torch.cat([positive, own], dim=1),
            torch.cat([positive, theirs], dim=1),
            self.labels[None] != labels[:, None],
        )

    def store(self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor) -> None:
        last = slice(-self.size, None)  # of a batch that is larger than the queue
        places = (self.place + torch.arange(len(labels), device=labels.device)) % self.size
        self.student[places[last]] = student[last].to(self.student)
        self.teacher[places[last]] = teacher[last].to(self.teacher)
        self.labels[places[last]] = labels[last]
        self.place.copy_((self.place + len(labels)) % self.size)


def sample_places(data_samples: Sequence[Any] | None, device: torch.device, size: int) -> Tensor:
    """Return the index of each sample in its data set, shape (N,).

    Args:
        data_samples: The batch's data samples.
        device: Where the indices are needed.
        size: Of the memory.

    Raises:
        ValueError: If the samples do not have it, or the memory has no place of that index.
    """
    places = [s.sample_idx for s in data_samples or () if hasattr(s, "sample_idx")]
    if not places or len(places) < len(data_samples or ()):
        raise ValueError(
            "CRDLoss finds a sample's place in its memory by `sample_idx`, which the data samples "
            "lack: add it to the meta_keys of PackInputs, or give CRDLoss a queue_size in place of "
            "num_samples."
        )
    if max(places) >= size:
        raise ValueError(
            f"CRDLoss got a sample with index {max(places)} and has a memory for {size}: set its "
            "num_samples to the length of the training data."
        )
    return torch.tensor(places).to(device, non_blocking=True)
