"""Runs of the rest of a network, from a tapped layer on, with another feature in its place."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.losses.fcfd.calls import Call, NoChainError, chain
from mmkd.networks.manner import manner_of
from mmkd.networks.recording import Record, recording
from mmkd.networks.taps import Tap, run_tapped
from mmkd.teachers import Teacher
from mmkd.teachers.batch_statistics import keep_statistics

# Largest relative difference allowed between a network's output and the output of its later layers,
# run on the network's own feature.
TOLERANCE = 1e-3


class Stages:
    """Network that can be run from any of its taps to the later taps and to its logits.

    A forward on random images shows which modules run one after another behind each tap. Each of
    them must take and give one tensor, whatever happens inside. The constructor checks that, at all
    later taps and at the logits, they reproduce the network's output from each tapped feature.

    The network is not a submodule of this object. When a model is copied, as for EMA, a reference
    to its student becomes one to the copied student; a reference to a teacher stays one to the
    teacher, which all copies share.

    Args:
        name: Name of the network in errors, such as ``'the student'``.
        network: The network, in eval mode, or a teacher.
        inputs: An example of the student's input (N, C, H, W); its shape is used.
        taps: The taps, in the order in which the network runs.
        logits: Tap of the network's logits (N, K).

    Attributes:
        shapes: Shape at each tap.
        activated: Whether no number at the tap is negative, as after a ReLU.
        classes: K.

    Raises:
        ValueError: If the network cannot be run like this; the message says why.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module | Teacher,
        inputs: Tensor,
        taps: Sequence[Tap],
        logits: Tap,
    ) -> None:
        self._network, self.taps = network, list(taps)
        self._check(name, logits)
        images = torch.randn(inputs.shape, generator=torch.Generator().manual_seed(0)).to(inputs)
        caught, record = self._record(images, logits)
        if caught[logits].dim() != 2:
            raise ValueError(
                f"The logits of {name}, at '{logits}', have shape {tuple(caught[logits].shape)}, "
                "not (N, K): only classifiers can be run on from their stages."
            )
        self.shapes = [tuple(caught[tap].shape) for tap in taps]
        self.activated = [bool((caught[tap] >= 0).all()) for tap in taps]
        self.classes = caught[logits].shape[-1]
        goal, self._calls = (logits, caught[logits]), list[tuple[Call, ...]]()
        try:
            for tap in taps:
                self._calls.append(chain(record, (tap, caught[tap]), goal))
        except NoChainError as error:
            raise ValueError(
                f"One cannot run {name} on from its taps, as modules that run one after another: "
                f"{error}. Tap stages, from the shallowest to the deepest, each of which the whole "
                "rest of the network reads through one tensor."
            ) from error
        self._verify(name, caught, logits)
        way = " -> ".join(call.path for call in self._calls[0])
        print_log(f"From '{taps[0]}' on {name} is run through {way}.", "current")

    @property
    def module(self) -> nn.Module:
        """The network as it is now."""
        network = self._network
        return network.network if isinstance(network, Teacher) else network

    def run_on(self, stage: int, feature: Tensor) -> tuple[list[Tensor], Tensor]:
        """Run the network from a tap on, with the given feature in place of the tapped one.

        A teacher runs in eval mode and in its own type, as elsewhere; its parameters get no
        gradient, but the feature does. A student stays in its mode: in training its batch norms
        normalise by the statistics of the batch, and its running statistics do not change.

        Args:
            stage: Index of the tap.
            feature: A feature of the shape at this tap.

        Returns:
            The features at the taps behind it, and the logits (N, K).
        """
        network, later = self.module, self.taps[stage + 1 :]
        if isinstance(self._network, Teacher):
            network.eval()
            feature = feature.to(self._network.dtype or feature.dtype)
        with self._autocast(feature), self._statistics():
            forward = partial(self._run, self._calls[stage], feature)
            logits, caught = run_tapped(network, later, forward)
        return [caught[tap] for tap in later], logits

    def classify(self, feature: Tensor) -> Tensor:
        """Return the logits (N, K) of a feature at the last tap; the feature gets a gradient."""
        return self.run_on(len(self.taps) - 1, feature)[1]

    def _run(self, calls: Sequence[Call], feature: Tensor) -> Tensor:
        for call in calls:
            feature = call(self.module, feature)
        return feature

    def _statistics(self) -> AbstractContextManager[None]:
        network = self._network
        return network.statistics() if isinstance(network, Teacher) else keep_statistics(network)

    def _autocast(self, feature: Tensor) -> Any:
        """Return a context that switches autocast off for a teacher with a fixed type."""
        if isinstance(self._network, Teacher) and self._network.dtype is not None:
            return torch.autocast(feature.device.type, enabled=False)
        return nullcontext()

    def _check(self, name: str, logits: Tap) -> None:
        for tap in (*self.taps, logits):
            tap.check(self.module)
        if any(tap.runs_again for tap in self.taps):
            raise ValueError(
                f"One cannot run {name} on from the taps of modules that run several times: leave "
                "out the '*'."
            )
        if not isinstance(self._network, Teacher):
            return
        if any(part._compiled_call_impl is not None for part in self.module.modules()):
            raise ValueError(
                f"Parts of {name} are compiled, and could not be followed from its taps to its "
                "logits: set the teacher's compile=False."
            )

    @torch.no_grad()
    def _record(self, images: Tensor, logits: Tap) -> tuple[dict[Tap, Tensor], Record]:
        """Run the network on the student's images, and record what its modules take and give."""
        network, taps = self.module, [*self.taps, logits]
        if isinstance(self._network, Teacher):
            images = self._network.prepare(images)
        forward = partial(manner_of(network).forward, network, images, taps)
        with self._autocast(images), self._statistics(), recording(network) as record:
            _, caught = run_tapped(network, dict.fromkeys(taps), forward)
        return caught, record

    @torch.no_grad()
    def _verify(self, name: str, caught: dict[Tap, Tensor], logits: Tap) -> None:
        for stage, tap in enumerate(self.taps):
            try:
                # Flipping the batch reveals modules that read anything besides their input.
                features, output = self.run_on(stage, caught[tap].flip(0))
            except (RuntimeError, TypeError, ValueError) as error:
                raise ValueError(
                    f"One cannot run {name} on from '{tap}', through "
                    f"{' -> '.join(call.path for call in self._calls[stage])}: {error}"
                ) from error
            ends = [*self.taps[stage + 1 :], logits]
            for end, found in zip(ends, [*features, output], strict=True):
                if not _near(found, caught[end].flip(0)):
                    raise ValueError(
                        f"What {name} gives at '{end}' does not follow from '{tap}' alone: run on "
                        "from there it gives something else. Tap stages that the whole rest of the "
                        "network reads, or deeper ones."
                    )


def _near(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    return bool((found - expected).float().norm() <= TOLERANCE * expected.float().norm())
