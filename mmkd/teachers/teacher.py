"""A frozen network and how it is run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmkd.compat.mmcv_ops import allow_bfloat16
from mmkd.networks.building import Spec, build_network, network_config
from mmkd.networks.dry_run import device_of
from mmkd.networks.manner import manner_of
from mmkd.networks.roles import Overrides, Roles
from mmkd.networks.sizes import own_size
from mmkd.networks.taps import Tap, expand, run_tapped
from mmkd.teachers.acceleration import compile_parts, fold_batch_norm, parse_dtype
from mmkd.teachers.batch_statistics import batch_statistics
from mmkd.teachers.class_map import ClassMap
from mmkd.teachers.class_names import (
    ClassMapping,
    NamedClasses,
    Names,
    map_by_names,
    meta_classes,
    network_classes,
    parse_class_map,
)
from mmkd.teachers.renormalize import Normalization, Renormalize
from mmkd.teachers.weights import load_weights

MEMORY_FORMATS = {"channels_last": torch.channels_last}


class Teacher:
    """A frozen network outside the student's module tree.

    It is no submodule of anything, so that no ``state_dict``, optimizer, DDP or EMA can hold it.
    Its network is in eval mode and without gradients in every forward, whatever was called before.

    Args:
        model: The network: a model config, the path or name of a config file, or a module.
        checkpoint: Its weights: a file, or any address that MMEngine's checkpoint loader knows.
            ``None`` leaves a module as it is and initialises a config's network by ``init_cfg``.
        prefix: Take only the checkpoint's keys that begin with it, without it.
        strict: Whether a checkpoint that does not fit is an error, or a warning.
        trust_checkpoint: Whether to unpickle everything in the checkpoint, code included.
        input_size: Height and width to which the student's input is resized, or one number.
        interpolation: How it is resized, as ``torch.nn.functional.interpolate`` names it.
        class_map: Where the two have other classes: ``'by_name'``, for those that have the same
            name in the data of both; or ``dict(student=[names], teacher=[names])`` with the names
            of either or both, in the order of the logits, for by name; or the teacher class of each
            student class (``None`` where it has none), as a list or a dict. Background, where
            detectors have an output for it, need not be named.
        dtype: Floating-point type to run in, such as ``'bfloat16'``. By default the student's.
        memory_format: ``'channels_last'``, or ``None`` for the default.
        fold_bn: Whether to fold BatchNorm into the convolutions before it.
        compile: Whether to compile the parts of the network in which no tap lies.
        released_code: Let its batch norms normalise by the statistics of each batch, as in the
            released code of OFD (mdistiller), WSLD and FCFD, which leave the teacher in training
            mode. Running statistics stay as they are, and evaluation takes these.
        roles: Taps by role, such as ``dict(logits='head.fc')``, in place of those that a dry run
            finds, see :class:`mmkd.networks.roles.Roles`.

    Attributes:
        network: The network.
        manner: How it is run.
        statistics: Makes the context in which it teaches: by which statistics batch norms
            normalise.
    """

    def __init__(
        self,
        model: Spec,
        checkpoint: str | Path | None = None,
        prefix: str | None = None,
        strict: bool = True,
        trust_checkpoint: bool = False,
        input_size: int | Sequence[int] | None = None,
        interpolation: str = "bicubic",
        class_map: ClassMapping | None = None,
        dtype: str | None = None,
        memory_format: str | None = None,
        fold_bn: bool = False,
        compile: bool = False,
        released_code: bool = False,
        roles: Overrides | None = None,
    ) -> None:
        config = None if isinstance(model, nn.Module) else network_config(model)
        self.network: nn.Module = (
            model if isinstance(model, nn.Module) else build_network(config or {})
        )
        self._has_own_preprocessing = config is None or "data_preprocessor" in config
        meta: Mapping[str, Any] = {}
        if checkpoint is not None:
            meta = load_weights(self.network, checkpoint, prefix, strict, trust_checkpoint)
        elif config is not None:
            print_log(
                "A teacher has no checkpoint: its weights are those of its init_cfg.", "current", 30
            )
            if isinstance(self.network, BaseModule):
                self.network.init_weights()
        self.network.eval()
        self.network.requires_grad_(False)
        self.manner = manner_of(self.network)
        parsed = parse_class_map(class_map)
        self.class_map = parsed if isinstance(parsed, ClassMap) else None
        self._named_classes = parsed if isinstance(parsed, NamedClasses) else None
        if self._named_classes is not None and self._named_classes.teacher is None:
            self._named_classes.teacher = meta_classes(meta) or network_classes(model)
        self.input_size = (input_size, input_size) if isinstance(input_size, int) else input_size
        self.interpolation = interpolation
        self.dtype = parse_dtype(dtype)
        if self.dtype == torch.bfloat16:
            allow_bfloat16()
        # A network with a type of its own runs in it, also where the training step has autocast.
        self._autocast: Callable[[str], AbstractContextManager[Any]] = (
            nullcontext if self.dtype is None else partial(torch.autocast, enabled=False)
        )
        if memory_format not in (None, *MEMORY_FORMATS):
            raise ValueError(
                f"memory_format must be one of {[*MEMORY_FORMATS]}, not {memory_format!r}."
            )
        self.memory_format = MEMORY_FORMATS.get(memory_format or "")
        self._fold_bn, self._compile, self._roles, self._spec = fold_bn, compile, roles, model
        self._released_code = released_code
        self.statistics: Callable[[], AbstractContextManager[None]] = (
            partial(batch_statistics, self.network) if released_code else nullcontext
        )
        self._renormalize: Renormalize | None = None
        self._device = device_of(self.network)
        self._apply(lambda tensor: tensor)

    @property
    def altered_by(self) -> list[str]:
        """Arguments by which it runs otherwise than its network is written."""
        given = dict(dtype=self.dtype, fold_bn=self._fold_bn, compile=self._compile)
        given["released_code"] = self._released_code
        return [name for name, value in given.items() if value]

    def __deepcopy__(self, memo: dict[int, Any]) -> "Teacher":
        """Return itself: copies of a distiller, such as EMA's, share its teachers."""
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return an attribute of the network: ``teacher.backbone``, ``teacher.parameters``."""
            if name == "network" or name.startswith("__"):
                raise AttributeError(name)
            return getattr(self.network, name)

    def _apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Move or cast the network like ``nn.Module._apply``, keeping its own type and format."""
        self.network._apply(function)
        if self._renormalize is not None:
            self._renormalize._apply(function)  # type: ignore[no-untyped-call]
        if self.dtype is not None:
            self.network.to(self.dtype)
        if self.memory_format is not None:
            self.network.to(memory_format=self.memory_format)  # type: ignore[call-overload]
        self._device = device_of(self.network)

    def follow(self, device: torch.device) -> None:
        """Move the network to a device, where it is elsewhere."""
        if device != self._device:
            self._apply(lambda tensor: tensor.to(device))

    def match_preprocessing(self, name: str, student: nn.Module) -> None:
        """Prepare to turn the student's normalised input into the teacher's.

        A teacher given by a model config without ``data_preprocessor``, or by a module whose
        preprocessing is not known, takes the student's input as it is.
        """
        own, given = Normalization.of(self.network), Normalization.of(student)
        if not self._has_own_preprocessing or own is None or given is None:
            return
        try:
            renormalize = Renormalize(given, own)
        except ValueError as error:
            raise ValueError(
                f"The teacher {name!r} cannot take the student's input: {error}"
            ) from None
        self._renormalize = None if renormalize.identity else renormalize

    def match_classes(self, name: str, find_student: Callable[[], Names | None]) -> None:
        """Map the classes by their names, if the class map says so.

        Args:
            name: The teacher's name.
            find_student: Looks for the names of the student's classes, where it gives none.
        """
        if self._named_classes is not None:
            student = self._named_classes.student or find_student()
            self.class_map = map_by_names(name, student, self._named_classes.teacher)

    def accelerate(self, inputs: Tensor, taps: Collection[Tap]) -> None:
        """Fold and compile as configured.

        Args:
            inputs: An example of the student's input (N, C, H, W), on which the folded network must
                give what it gave before.
            taps: What will be read of it.

        Raises:
            ValueError: If folding changes what the taps give.
        """
        if self._fold_bn:
            before = self.example(inputs, taps)
            try:
                fold_batch_norm(self.network)
                after = self.example(inputs, taps)
                same = all(_near(before[tap], after[tap]) for tap in taps)
            except RuntimeError:  # a BatchNorm of another size was folded into a convolution
                same = False
            if not same:
                raise ValueError(
                    "Folding BatchNorm changes what the teacher computes: its layers do not run in "
                    "the order in which they are defined. Set fold_bn=False."
                )
        if self._compile:
            compile_parts(self.network, taps)

    def prepare(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        """Set the network to eval, and turn the student's input (N, C, H, W) into its own.

        The network follows the input to its device: wrappers that move only the modules that they
        see, such as FSDP, leave a teacher behind.
        """
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

    @torch.no_grad()
    def __call__(
        self,
        inputs: Tensor,
        data_samples: Any,
        taps: Collection[Tap],
        rois: Sequence[Tensor] = (),
    ) -> dict[Tap, Tensor]:
        """Run the network as far as its deepest tap, and return what the taps caught.

        Args:
            inputs: The student's input (N, C, H, W), from the student's data preprocessor.
            data_samples: The batch's data samples, or ``None``.
            taps: What to catch.
            rois: The student's RoIs, shape (R, 5) for each stage, for a two-stage detector.
        """
        conversions = self._renormalize, self.input_size, self.dtype, self.memory_format
        if conversions == (None,) * 4 and inputs.device == self._device:
            self.network.eval()
        else:
            inputs = self.prepare(inputs, data_samples)
        if (parts := self.manner.parts) is None:
            forward = partial(self.network, inputs, **self.manner.arguments)
        else:
            forward = partial(parts, self.network, inputs, data_samples, rois, taps)
        with self._autocast(inputs.device.type), self.statistics():
            _, caught = run_tapped(self.network, taps, forward, stop=True)
        return caught

    def example(self, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, Tensor]:
        """Run the network on an example of the student's input, as in :meth:`__call__`."""
        return self(inputs, None, taps, self.manner.example_rois(inputs))

    def find_roles(self, name: str, inputs: Tensor) -> Roles:
        """Find the network's roles on an example (N, C, H, W) of the student's input.

        A network that cannot take images of that size, and says which ones it takes, gets them
        resized from then on, as ``input_size`` would have it.
        """
        roles = self._roles_on(name, inputs)
        size = own_size(self.network, self._spec)
        if roles.error is None or self.input_size is not None or size is None:
            return roles
        self.input_size = size
        if (resized := self._roles_on(name, inputs)).error is not None:
            self.input_size = None
            return roles
        print_log(
            f"The teacher {name!r} takes images of {size[0]} x {size[1]} alone: the student's, of "
            f"{inputs.shape[-2]} x {inputs.shape[-1]}, are resized for it.",
            "current",
        )
        return resized

    def _roles_on(self, name: str, inputs: Tensor) -> Roles:
        prepared = self.prepare(inputs)
        with self._autocast(inputs.device.type):
            return Roles.find(f"teacher {name!r}", self.network, prepared, self._roles)

    @torch.no_grad()
    def expand(self, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, list[Tap]]:
        """Find what taps with ``[:]`` are short for, on an example (N, C, H, W) of the input."""
        forward = partial(self.manner.forward, self.network, self.prepare(inputs), taps)
        return expand(self.network, taps, forward)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list[Any]) -> list[Any]:
        """Return the network's predictions, data samples over the student's classes.

        Args:
            inputs: The student's input (N, C, H, W), from the student's data preprocessor.
            data_samples: Data samples, which are filled in place.
        """
        inputs = self.prepare(inputs, data_samples)
        with self._autocast(inputs.device.type):
            if self.class_map is None:
                return list(self.network(inputs, data_samples, mode="predict"))
            if self.manner.detects:
                found = self.network(inputs, data_samples, mode="predict")
                for sample in found:
                    sample.pred_instances = self.class_map.instances(sample.pred_instances)
                return list(found)
            # Samples that know the student's number of classes would not take the teacher's scores.
            predictions = self.network(inputs, mode="predict")
        for sample, prediction in zip(data_samples, predictions, strict=True):
            scores = self.class_map.scores(prediction.pred_score)
            sample.set_pred_score(scores).set_pred_label(scores.argmax())
        return data_samples


def _near(first: Tensor, second: Tensor) -> bool:
    """Tell whether two outputs are the same but for rounding, also in half precision."""
    return bool((first - second).float().norm() <= 1e-2 * first.float().norm())
