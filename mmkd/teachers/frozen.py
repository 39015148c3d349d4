"""Frozen network, and the way it is run."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy, deepcopy
from functools import partial
from operator import attrgetter
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmkd.compat.mmcv_ops import allow_bfloat16
from mmkd.networks.dry_run import device_of
from mmkd.networks.manner import manner_of
from mmkd.networks.taps import Tap, run_tapped
from mmkd.teachers.acceleration import (
    AS_WRITTEN,
    Acceleration,
    compile_network,
    fold_batch_norm,
)
from mmkd.teachers.batch_statistics import batch_statistics
from mmkd.teachers.cast_weights import SAYS_TYPE, CastWeights
from mmkd.teachers.renormalize import Renormalize
from mmkd.teachers.sharding import shard
from mmkd.teachers.trial import try_out
from mmkd.teachers.weights import weights_hash
from mmkd.typed import uncompiled

IS_TRAINING = attrgetter("training")  # asking each module is quicker than `eval`, which sets each


class FrozenNetwork:
    """A network in eval mode and without gradients in every forward, whatever was called before.

    Args:
        network: The network.
        options: Options that make it cheaper.
        input_size: Height and width to which the student's input is resized.
        interpolation: Mode of the resizing.
        released_code: Whether batch norms normalise by the statistics of each batch.

    Attributes:
        network: The network.
        manner: The manner in which the network is run.
        options: Options that make it cheaper.
        dtype: Floating-point type to which it is converted, if it is.
        memory_format: Memory format to which it is converted, if it is.
        statistics: Function that returns the context in which the network teaches; it decides by
            which statistics batch norms normalise.
        name: Name in messages.
        follows_student: Whether its weights change in every step, as those of a moving average do.
        logits: Taps of its class logits, as far as they are known.
        sharded: Whether each process is to hold a part of its weights only.
    """

    _hash: str | None = None  # of the weights before a trial, or before they were divided
    sharded = False
    _divided = False

    def __init__(
        self,
        network: nn.Module,
        options: Acceleration,
        input_size: Sequence[int] | None,
        interpolation: str,
        released_code: bool,
    ) -> None:
        network.eval()
        network.requires_grad_(False)
        self.manner = manner_of(network)
        self.options, self._released_code = options, released_code
        self.input_size, self.interpolation = input_size, interpolation
        self.name, self.logits = "teacher", list[Tap]()
        self._exact: FrozenNetwork | None = None  # before the trial of an accelerated network
        self._accelerated = False
        self._renormalize: Renormalize | None = None
        self.follows_student = False
        self._device = device_of(network)
        self._take(network)
        if not options.fold_bn:
            self._convert()

    def _take(self, network: nn.Module) -> None:
        """Take a network in its own type and memory format."""
        self.network, self._parts = network, [*network.modules()]
        self._cast: CastWeights | None = None  # for steps in mixed precision
        self.dtype: torch.dtype | None = None
        self.memory_format: torch.memory_format | None = None
        self._autocast: Callable[[str], AbstractContextManager[Any]] = nullcontext
        self.statistics: Callable[[], AbstractContextManager[None]] = (
            partial(batch_statistics, network) if self._released_code else nullcontext
        )

    def _convert(self) -> None:
        """Convert the network to the type and the memory format of the options, for good."""
        self.dtype, self.memory_format = self.options.dtype, self.options.memory_format
        if self.dtype is not None:
            # It runs in that type also if the training step uses autocast for another one, and if
            # it makes tensors in float32 by itself, as Swin's masks are.
            half = self.dtype in (torch.bfloat16, torch.float16)
            self._autocast = (
                partial(torch.autocast, dtype=self.dtype)
                if half
                else partial(torch.autocast, enabled=False)
            )
        if self.dtype == torch.bfloat16:
            allow_bfloat16()
        self._apply(lambda tensor: tensor)

    @property
    def altered_by(self) -> list[str]:
        """Names of the arguments that change how the network runs, compared with its own code."""
        return self.options.given + (["released_code"] if self._released_code else [])

    def _apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Move or cast the network like ``nn.Module._apply``, keeping a fixed type and format."""
        self.network._apply(function)
        if self._renormalize is not None:
            self._renormalize._apply(function)  # type: ignore[no-untyped-call]
        if self.dtype is not None:
            self.network.to(self.dtype)
        if self.memory_format is not None:
            self.network.to(memory_format=self.memory_format)  # type: ignore[call-overload]
        self._device = device_of(self.network)

    def follow(self, device: torch.device) -> None:
        """Move the network to a device if it is elsewhere."""
        if device != self._device:
            self._apply(lambda tensor: tensor.to(device))

    def accelerate(self, inputs: Tensor, taps: Collection[Tap]) -> None:
        """Fold, convert and compile as configured, once.

        Args:
            inputs: An example of the student's input (N, C, H, W); its shape is used.
            taps: Taps that will be read. There the folded network must give the same as before.

        Raises:
            ValueError: If folding changes the outputs.
        """
        if self._accelerated:
            return
        self._accelerated, options = True, self.options
        exact = copy(self) if options.tried else None
        if exact is not None:
            self._hash = exact._hash = weights_hash(exact.network)
            exact.options = AS_WRITTEN
            self._take(deepcopy(exact.network))
        if options.fold_bn:
            problem = self._fold(inputs, taps)
            if problem is not None and exact is None:
                raise ValueError(
                    f"Folding BatchNorm changes what the teacher computes: {problem}. Set "
                    "fold_bn=False."
                )
            if problem is not None and exact is not None:
                self._take(deepcopy(exact.network))
            self._convert()
        if options.compile is not None:
            compile_network(self.network, options.compile)
        self._exact, self._taps = exact, taps

    def _fold(self, inputs: Tensor, taps: Collection[Tap]) -> str | None:
        """Fold batch norms, and return the reason why that was wrong, or ``None``."""
        images = torch.rand(inputs.shape, generator=torch.Generator().manual_seed(0)).to(inputs)
        problem = fold_batch_norm(self.network, partial(self.example, images, taps))
        self._parts = [*self.network.modules()]
        return problem

    def divide(self) -> None:
        """Divide the weights among the run's processes, once, if the network is ``sharded``."""
        if not self.sharded or self._divided or get_world_size() == 1:
            return
        self._hash, self._divided = self.weights_hash(), True
        count = shard(self.network)
        self._device = device_of(self.network)
        print_log(
            f"The teacher {self.name!r} is sharded: each of {get_world_size()} processes holds its "
            f"part of {count:,} numbers.",
            "current",
        )

    def settle(self, inputs: Tensor, data_samples: Any, rois: Sequence[Tensor]) -> None:
        """Keep an accelerated network if it agrees with the exact one on the first images.

        The arguments are those of :meth:`__call__`.
        """
        exact, self._exact = self._exact, None
        if exact is None:
            return
        logits = [] if self.manner.detects else self.logits
        given = inputs, data_samples, [*dict.fromkeys([*self._taps, *logits])], rois
        good, words = try_out(partial(self, *given), partial(exact, *given), logits)
        if not good:
            vars(self).update(vars(exact))
        runs = "speed='fast'" if good else "speed='exact', not by speed='fast'"
        print_log(
            f"The teacher {self.name!r} runs by {runs}. On {len(inputs)} images: {words}.",
            "current",
            logging.INFO if good else logging.WARNING,
        )

    def weights_hash(self) -> str:
        """Return a SHA-256 of the weights; of those before a trial or before they were divided."""
        return weights_hash(self.network) if self._hash is None else self._hash

    def prepare(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        """Set the network to eval, and turn the student's input (N, C, H, W) into the teacher's.

        The network follows the input to its device, because wrappers that move only the modules
        that they see, such as FSDP, leave a teacher behind.
        """
        if any(map(IS_TRAINING, self._parts)):
            self.network.eval()
        if inputs.device != self._device:
            self.follow(inputs.device)
        if self._renormalize is not None:
            inputs = self._renormalize(inputs, data_samples)
        if self.input_size is not None and tuple(inputs.shape[-2:]) != tuple(self.input_size):
            inputs = interpolate(inputs, tuple(self.input_size), mode=self.interpolation)
        if self.dtype is not None:
            inputs = inputs.to(self.dtype)
        if self.memory_format is not None:
            inputs = inputs.contiguous(memory_format=self.memory_format)
        return inputs

    @uncompiled
    @torch.no_grad()
    def __call__(
        self,
        inputs: Tensor,
        data_samples: Any,
        taps: Collection[Tap],
        rois: Sequence[Tensor] = (),
    ) -> dict[Tap, Tensor]:
        """Run the network as far as its deepest tap, and return the tensors at the taps.

        Args:
            inputs: The student's input (N, C, H, W), from the student's data preprocessor.
            data_samples: The batch's data samples, or ``None``.
            taps: Taps to catch.
            rois: The student's RoIs, shape (R, 5) for each stage, for a two-stage detector.
        """
        if self._exact is not None and len(inputs):
            self.settle(inputs, data_samples, rois)
        conversions = self._renormalize, self.input_size, self.dtype, self.memory_format
        if conversions == (None,) * 4 and inputs.device == self._device:
            if any(map(IS_TRAINING, self._parts)):
                self.network.eval()
        else:
            inputs = self.prepare(inputs, data_samples)
        if (parts := self.manner.parts) is None:
            forward = partial(self.network, inputs, **self.manner.arguments)
        else:
            forward = partial(parts, self.network, inputs, data_samples, rois, taps)
        weights: AbstractContextManager[None] = nullcontext()
        kind = inputs.device.type
        knows = SAYS_TYPE and self.dtype is None and torch.amp.is_autocast_available(kind)
        if knows and torch.is_autocast_enabled(kind):
            weights = self._cast_weights(torch.get_autocast_dtype(kind))
        with weights, self._autocast(kind), self.statistics():
            _, caught = run_tapped(self.network, taps, forward, stop=self.options.compile is None)
        return caught

    def _cast_weights(self, dtype: torch.dtype) -> AbstractContextManager[None]:
        """Return a context in which weights have the type of autocast, if they stay the same."""
        if self.options.compile is not None or self.follows_student or self._divided:
            return nullcontext()
        if self._cast is None or not self._cast.fits(dtype):
            self._cast = CastWeights(self.network, dtype)
        return self._cast.used()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let parts of the network run by themselves as they do in :meth:`__call__`."""
        self.network.eval()
        with self._autocast(self._device.type), self.statistics():
            yield

    def example(self, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, Tensor]:
        """Run the network on an example of the student's input, as in :meth:`__call__`."""
        return self(inputs, None, taps, self.manner.example_rois(inputs))
