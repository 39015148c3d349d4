"""Queues of feature vectors, one for each class."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class ClassMemory(nn.Module):
    """The latest vectors of each class, as buffers, so that a checkpoint has them.

    At the start it holds random directions.

    Args:
        classes: Number of classes.
        size: Number of vectors of a class.
        width: Length of a vector.
    """

    queue: Tensor
    places: Tensor

    def __init__(self, classes: int, size: int, width: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("queue", normalize(torch.randn(classes, size, width), dim=2))
        self.register_buffer("places", torch.zeros(classes, dtype=torch.long))

    @torch.no_grad()
    def put(self, label: int, vectors: Tensor) -> None:
        """Write vectors (R, D) of a class over the oldest vectors of that class."""
        vectors = vectors[-self.size :].to(self.queue)
        steps = torch.arange(len(vectors), device=vectors.device)
        self.queue[label, (self.places[label] + steps) % self.size] = vectors
        self.places[label] = (self.places[label] + len(vectors)) % self.size

    def sample(self, count: int) -> Tensor:
        """Return about ``count`` vectors, (R, D), from the same random places of each class."""
        each = count // len(self.queue) + 1
        places = torch.randperm(self.size, device=self.queue.device)[:each]
        return self.queue[:, places].flatten(0, 1)
