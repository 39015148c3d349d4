"""Training of small images on a GPU: a whole epoch augmented at once, the step as a CUDA graph."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmkd.loading.device_images import DeviceImages, DeviceSample

CHUNK = 10_000  # images that are augmented at once
WARM_UP = 3  # steps before a graph is captured: they make the state of optimizers and of cuDNN


class EpochImages:
    """Training images on a device.

    Args:
        images: The images, with their random transforms.
        seed: Seed of the order and of the transforms, which also depend on the epoch.
    """

    def __init__(self, images: DeviceImages, seed: int = 0) -> None:
        self.images, self.seed = images, seed

    def batches(self, epoch: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images (B, C, H, W), uint8, and labels (B,) of an epoch, in full batches only.

        Args:
            epoch: Number of the epoch.
            size: Images in a batch.
        """
        draw = np.random.default_rng((self.seed, epoch))
        count = len(self.images)
        order, seeds = draw.permutation(count), draw.integers(2**63, size=count)
        rows = torch.from_numpy(order).to(self.images.labels.device)
        augmented = [
            self.images.augmented(rows[begin : begin + CHUNK], seeds[begin : begin + CHUNK])
            for begin in range(0, len(rows), CHUNK)
        ]
        whole = len(rows) // size * size
        images, labels = torch.cat(augmented), self.images.labels[rows]
        yield from zip(images[:whole].split(size), labels[:whole].split(size), strict=True)


@dataclass(frozen=True)
class Options:
    """Manner of a training step.

    Attributes:
        half: Whether it runs in bfloat16 by autocast and in channels_last.
        compiled: Whether the models are compiled.
        graph: Whether the step is a CUDA graph.
    """

    half: bool = False
    compiled: bool = False
    graph: bool = False


class Training:
    """Training of one or several models on the same batches, by SGD as in the literature.

    The graph has the whole step of all models, from normalisation to optimizers. It is captured
    after some ordinary steps, and anew when the learning rate changes.

    Args:
        models: Classifiers, or distillers, by name.
        batch_size: Images in a batch.
        pixels: Config of the data preprocessor, with ``mean`` and ``std``.
        device: The device.
        options: Manner of the step.
        rate: The learning rate.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        batch_size: int,
        pixels: Config,
        device: str,
        options: Options,
        rate: float = 0.05,
    ) -> None:
        self.models, self.options, self.device = dict(models), options, torch.device(device)
        self.optimizers: dict[str, torch.optim.SGD] = {}
        for name, model in self.models.items():
            model.to(self.device).train()
            teachers = [teacher.network for teacher in getattr(model, "teachers", {}).values()]
            for network in [model, *teachers] if options.half else ():
                _to_channels_last(network)
            self.optimizers[name] = torch.optim.SGD(
                model.parameters(), rate, momentum=0.9, weight_decay=5e-4
            )
        self._forwards = {
            name: torch.compile(model.forward) if options.compiled else model.forward
            for name, model in self.models.items()
        }
        self._pixels = [
            torch.tensor(values, device=self.device)[:, None, None]
            for values in (pixels.mean, pixels.std)
        ]
        self._images = torch.zeros(batch_size, 3, 32, 32, dtype=torch.uint8, device=self.device)
        self._labels = torch.zeros(batch_size, dtype=torch.long, device=self.device)
        self._samples = [DeviceSample.of(label, {}) for label in self._labels[:, None].unbind()]
        self.losses = torch.zeros(len(self.models), device=self.device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._steps = 0

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Train all models on a batch of images (B, C, H, W), uint8, with labels (B,)."""
        self._images.copy_(images)
        self._labels.copy_(labels)
        self._steps += 1
        if not self.options.graph:
            self._run()
        elif self._steps <= WARM_UP:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self._run()
            torch.cuda.current_stream().wait_stream(side)
        else:
            if self._graph is None:
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph):
                    self._run()
            self._graph.replay()

    def set_rate(self, rate: float) -> None:
        """Set the learning rate."""
        for optimizer in self.optimizers.values():
            if optimizer.param_groups[0]["lr"] != rate:
                optimizer.param_groups[0]["lr"] = rate
                self._graph = None

    def _run(self) -> None:
        images = self.normalized(self._images)
        for number, (name, model) in enumerate(self.models.items()):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.half):
                losses = self._forwards[name](images, self._samples, mode="loss")
            total, _ = model.parse_losses(losses)
            total.backward()
            self.optimizers[name].step()
            self.optimizers[name].zero_grad()
            self.losses[number] = total.detach()

    def normalized(self, images: Tensor) -> Tensor:
        """Return the models' input of images (N, C, H, W), uint8."""
        mean, std = self._pixels
        found = (images.float() - mean) / std
        return found.contiguous(memory_format=torch.channels_last) if self.options.half else found

    @torch.no_grad()
    def accuracies(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Return each student's accuracy, from 0 to 1, on images (N, C, H, W), uint8."""
        found = {}
        for name, model in self.models.items():
            student = getattr(model, "student", model).eval()
            right = torch.zeros((), device=self.device)
            for part, own in zip(images.split(1000), labels.split(1000), strict=True):
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.half):
                    logits = student(self.normalized(part), mode="tensor")
                right += (logits.argmax(1) == own).sum()
            student.train()
            found[name] = float(right) / len(images)
        return found


def _to_channels_last(network: nn.Module) -> None:
    for parameter in network.parameters():
        if parameter.ndim == 4:  # stacked weights have one dimension more
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
