"""Memories of embeddings that serve as contrasts to the samples of a batch."""

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

# Number of random numbers that are drawn at once; the limit lets the bank of a large data set fit
# into memory.
AT_ONCE = 2**26
# Distance between the seeds of two consecutive steps; it exceeds the number of processes.
STEP = 2**20


@dataclass
class Contrasts:
    """Similarities of the samples of a batch to their positives and negatives.

    Attributes:
        student: Cosines of the student's embeddings with the teacher's, (N, 1 + K): with that of
            the same sample, and with those of K others.
        teacher: Cosines of the teacher's embeddings with the student's, likewise.
        valid: Whether each of the K others is a negative of the sample, (N, K).
    """

    student: Tensor
    teacher: Tensor
    valid: Tensor


class ContrastMemory(nn.Module, ABC):
    """Memory of the embeddings of both networks and of their labels, equal in all processes.

    The embeddings and labels are buffers: checkpoints hold them, and a resumed run goes on with
    them. Each process sends its batch to the others, so that the memories stay equal; DDP makes
    them equal at the start.

    Args:
        size: Number of samples in the memory.
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
        bound = math.sqrt(3 / dim)  # so that embeddings have a mean squared length of 1
        for name in ("student", "teacher"):
            self.register_buffer(name, torch.empty(size, dim).uniform_(-bound, bound))
        self.register_buffer("labels", torch.full((size,), -1))

    @abstractmethod
    def contrast(
        self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor
    ) -> Contrasts:
        """Contrast embeddings (N, dim) of a batch, of unit length, with the memory.

        Args:
            student: Embeddings of the student.
            teacher: Embeddings of the teacher.
            places: Index of each sample in the data set, shape (N,).
            labels: Class of each sample, shape (N,).
        """

    @torch.no_grad()
    def remember(self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor) -> None:
        """Store the embeddings of the batches of all processes; arguments as in `contrast`."""
        given = (student.detach(), teacher.detach(), places, labels)
        self.store(*(torch.cat(all_gather(part.contiguous())) for part in given))

    @abstractmethod
    def store(self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor) -> None:
        """Store embeddings that are the same in each process."""


class MemoryBank(ContrastMemory):
    """Memory with a place for each sample of the data set.

    The negatives of a sample are drawn anew in each step, without repetition, from the samples of
    other classes, as in the released code. If :meth:`know_labels` was called before the first step,
    the classes of all samples are known; otherwise samples that no batch has shown yet are drawn,
    too. The draw depends on the seed, the step and the process alone, so that a resumed run draws
    the same negatives, and no other random number changes.

    Args:
        size: Number of samples in the data set.
        dim: Length of an embedding.
        negatives: Number of negatives of a sample. If there are fewer samples of other classes, all
            of them are taken.
        momentum: Share of the old embedding that stays when a sample is seen again.
    """

    steps: Tensor

    def __init__(self, size: int, dim: int, negatives: int, momentum: float) -> None:
        super().__init__(size, dim)
        self.negatives, self.momentum = min(negatives, size), momentum
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def know_labels(self, labels: Tensor) -> None:
        """Set the class of each sample of the data set, shape (M,), in the order of the data set.

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
        # Products with the whole memory take less room than a row of it for each negative. The
        # memory is copied because it changes before the backward pass.
        own = student @ self.teacher.to(student).clone().T
        theirs = teacher @ self.student.to(teacher).clone().T
        return Contrasts(own.gather(1, chosen), theirs.gather(1, chosen), valid)

    def _draw(self, places: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the places of negatives, (N, K), and whether each one is of another class."""
        seed = torch.initial_seed() + int(self.steps) * STEP + get_rank()
        generator = torch.Generator(places.device).manual_seed(seed % 2**63)
        drawn, valid = [], []
        rows = max(AT_ONCE // self.size, 1)
        for own, label in zip(places.split(rows), labels.split(rows), strict=True):
            keys = torch.rand(len(own), self.size, generator=generator, device=own.device)
            # The places of the K largest among random keys are a draw without repetition.
            # Samples of the same class, and the sample itself, get a key below all random ones.
            keys.masked_fill_(self.labels == label[:, None], -1.0)
            keys.scatter_(1, own[:, None], -1.0)
            largest, chosen = keys.topk(self.negatives, sorted=False)
            drawn.append(chosen)
            valid.append(largest >= 0)
        return torch.cat(drawn), torch.cat(valid)

    def store(self, student: Tensor, teacher: Tensor, places: Tensor, labels: Tensor) -> None:
        self.steps += 1
        # If a sample occurs twice, the last one counts, in each process alike.
        twice = (places[:, None] == places[None]).triu(1).any(1)
        student, teacher, places = student[~twice], teacher[~twice], places[~twice]
        self.labels[places] = labels[~twice]
        for memory, new in ((self.student, student), (self.teacher, teacher)):
            mixed = self.momentum * memory[places] + (1 - self.momentum) * new.to(memory)
            memory[places] = normalize(mixed, dim=1)


class MemoryQueue(ContrastMemory):
    """Queue of the last samples; those of other classes are the negatives of the next samples.

    Its size does not depend on the size of the data set, and it needs no index of samples. The
    positive of a sample is the other network's embedding of it in the same step.

    Args:
        size: Number of samples in the queue.
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
        last = slice(-self.size, None)  # the last samples of a batch that is larger than the queue
        places = (self.place + torch.arange(len(labels), device=labels.device)) % self.size
        self.student[places[last]] = student[last].to(self.student)
        self.teacher[places[last]] = teacher[last].to(self.teacher)
        self.labels[places[last]] = labels[last]
        self.place.copy_((self.place + len(labels)) % self.size)


def sample_places(data_samples: Sequence[Any] | None, device: torch.device, size: int) -> Tensor:
    """Return the index of each sample in its data set, shape (N,).

    Args:
        data_samples: The batch's data samples.
        device: Device of the result.
        size: Number of places in the memory.

    Raises:
        ValueError: If a sample has no index, or the memory has no place of that index.
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
