"""Frozen network of a teacher, and the way it is run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmkd.compat.checkpoints import trusted
from mmkd.compat.mmcv_ops import allow_bfloat16
from mmkd.networks.building import Spec
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
from mmkd.teachers.opening import initialise, open_network
from mmkd.teachers.predictions import predictions
from mmkd.teachers.preprocessing import Preprocessing
from mmkd.teachers.renormalize import Normalization, Pixels, Renormalize
from mmkd.teachers.weights import load_weights

MEMORY_FORMATS = {"channels_last": torch.channels_last}


class Teacher:
    """A frozen network outside the student's module tree.

    It is not a submodule of anything, so that no ``state_dict``, optimizer, DDP or EMA can hold it.
    Its network runs in eval mode and without gradients in every forward, whatever was called
    before.

    Args:
        model: The network: a model config, the path or name of a config file, or a module; or a
            network of another library, as ``'timm:NAME'``, ``'torchvision:NAME'``,
            ``'hf:NAME_OR_FOLDER'`` or ``'hub:REPOSITORY:NAME'``; or the file of a TorchScript or
            exported program.
        checkpoint: Weights of the network: a file, or any address that MMEngine's checkpoint loader
            knows. ``None`` leaves a module as it is and initialises a config's network by
            ``init_cfg``.
        prefix: Take only the checkpoint's keys that begin with this prefix, and strip it.
        strict: Whether a checkpoint that does not fit is an error or only a warning.
        trust_checkpoint: Whether to unpickle everything in the checkpoint, code included, and to
            run a repository's or a program's code.
        input_size: Height and width to which the student's input is resized, or one number.
        interpolation: Mode of the resizing, a name that ``torch.nn.functional.interpolate`` knows.
        class_map: Correspondence of classes if student and teacher have different ones:
            ``'by_name'``, for classes that have the same name in the data of both; or
            ``dict(student=[names], teacher=[names])`` with the names of either or both, in the
            order of the logits, to map by name; or the teacher class of each student class
            (``None`` for classes that the teacher lacks), as a list or a dict. Background, if
            detectors have an output for it, need not be named.
        dtype: Floating-point type in which the network runs, such as ``'bfloat16'``. By default the
            student's type.
        memory_format: ``'channels_last'``, or ``None`` for the default.
        fold_bn: Whether to fold BatchNorm into the convolutions before it.
        compile: Whether to compile the parts of the network in which no tap lies.
        released_code: Let the network's batch norms normalise by the statistics of each batch, as
            in the released code of OFD (mdistiller), WSLD and FCFD, which leave the teacher in
            training mode. The running statistics do not change, and evaluation uses them.
        roles: Taps by role, such as ``dict(logits='head.fc')``, in place of those from the dry run,
            see :class:`mmkd.networks.roles.Roles`.
        pretrained: Whether to load the weights that the other library has for the network, by its
            own download. By default those in a folder that ``model`` names, and no download.
        arguments: Further arguments of the other library's function that builds the network, such
            as ``dict(img_size=224)``.
        normalization: Normalisation of the RGB images that the network takes, as
            ``dict(mean=[...], std=[...])`` in pixel units, in place of what the network says.
        student_normalization: The same of the student's input, if the student's data preprocessor
            does not say it.

    Attributes:
        network: The network.
        manner: The manner in which the network is run.
        classes: Number of classes of a classifier's logits (N, C), once its roles were found.
        statistics: Function that returns the context in which the network teaches; it decides by
            which statistics batch norms normalise.
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
        pretrained: bool | None = None,
        arguments: Mapping[str, Any] | None = None,
        normalization: Mapping[str, Sequence[float]] | None = None,
        student_normalization: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        trust = trust_checkpoint or trusted()
        pretrained = False if checkpoint is not None else pretrained
        opened = open_network(model, pretrained, arguments or {}, trust)
        self.network: nn.Module = opened.network
        meta: Mapping[str, Any] = {}
        if checkpoint is not None:
            meta = load_weights(self.network, checkpoint, prefix, strict, trust)
        elif not opened.has_weights:
            initialise(self.network)
        self.network.eval()
        self.network.requires_grad_(False)
        self.manner = manner_of(self.network)
        self.classes: int | None = None
        parsed = parse_class_map(class_map)
        self.class_map = parsed if isinstance(parsed, ClassMap) else None
        self._named_classes = parsed if isinstance(parsed, NamedClasses) else None
        if self._named_classes is not None and self._named_classes.teacher is None:
            self._named_classes.teacher = (
                meta_classes(meta) or opened.classes or network_classes(opened.spec)
            )
        input_size = input_size or opened.size
        self.input_size = (input_size, input_size) if isinstance(input_size, int) else input_size
        self._preprocessing = Preprocessing(
            Normalization.of(self.network) if opened.preprocesses else None,
            Pixels.parse(normalization) or opened.pixels,
            Pixels.parse(student_normalization),
        )
        self.interpolation = interpolation
        self.dtype = parse_dtype(dtype)
        if self.dtype == torch.bfloat16:
            allow_bfloat16()
        # A network with a fixed type runs in that type, even if the training step uses autocast.
        self._autocast: Callable[[str], AbstractContextManager[Any]] = (
            nullcontext if self.dtype is None else partial(torch.autocast, enabled=False)
        )
        if memory_format not in (None, *MEMORY_FORMATS):
            raise ValueError(
                f"memory_format must be one of {[*MEMORY_FORMATS]}, not {memory_format!r}."
            )
        self.memory_format = MEMORY_FORMATS.get(memory_format or "")
        self._fold_bn, self._compile, self._roles = fold_bn, compile, roles
        self._spec = opened.spec
        self._released_code = released_code
        self.statistics: Callable[[], AbstractContextManager[None]] = (
            partial(batch_statistics, self.network) if released_code else nullcontext
        )
        self._renormalize: Renormalize | None = None
        self._logits: Tap | None = None
        self._device = device_of(self.network)
        self._apply(lambda tensor: tensor)

    @property
    def altered_by(self) -> list[str]:
        """Names of the arguments that make the network run otherwise than it is written."""
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

    def match_preprocessing(
        self, name: str, student: nn.Module, loaded_bgr: bool | None = None
    ) -> None:
        """Prepare the conversion of the student's normalised input into the teacher's.

        A teacher from a model config without ``data_preprocessor``, or from a module whose
        preprocessing is not known, takes the student's input as it is.
        """
        self._renormalize = self._preprocessing.conversion(name, student, loaded_bgr)

    def match_classes(self, name: str, find_student: Callable[[], Names | None]) -> None:
        """Map the classes by their names, if the class map says so.

        Args:
            name: The teacher's name.
            find_student: Function that returns the names of the student's classes, called if the
                class map has none.
        """
        if self._named_classes is not None:
            student = self._named_classes.student or find_student()
            self.class_map = map_by_names(name, student, self._named_classes.teacher)

    def accelerate(self, inputs: Tensor, taps: Collection[Tap]) -> None:
        """Fold and compile as configured.

        Args:
            inputs: An example of the student's input (N, C, H, W). On it the folded network must
                give the same outputs as before.
            taps: Taps that will be read.

        Raises:
            ValueError: If folding changes the outputs at the taps.
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
        """Set the network to eval, and turn the student's input (N, C, H, W) into the teacher's.

        The network follows the input to its device, because wrappers that move only the modules
        that they see, such as FSDP, leave a teacher behind.
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
        """Run the network as far as its deepest tap, and return the tensors at the taps.

        Args:
            inputs: The student's input (N, C, H, W), from the student's data preprocessor.
            data_samples: The batch's data samples, or ``None``.
            taps: Taps to catch.
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

        If the network cannot take images of that size, and says which sizes it takes, its input is
        resized from then on, as with ``input_size``.
        """
        roles = self._fitting_roles(name, inputs)
        shapes = {tap: roles.shapes.get(tap, ()) for tap in roles.taps.get("logits", ())}
        self._logits = next((tap for tap, shape in shapes.items() if len(shape) == 2), None)
        self.classes = None if self._logits is None else shapes[self._logits][1]
        return roles

    def _fitting_roles(self, name: str, inputs: Tensor) -> Roles:
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
        """Find the taps that stand behind ``[:]``, on an example (N, C, H, W) of the input."""
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
            return predictions(self, inputs, data_samples)

    def logits_of(self, inputs: Tensor) -> Tensor:
        """Return the class logits (N, C) of a classifier, for images prepared for its network."""
        assert self._logits is not None
        forward = partial(self.manner.forward, self.network, inputs, [self._logits])
        _, caught = run_tapped(self.network, [self._logits], forward, stop=True)
        return caught[self._logits]


def _near(first: Tensor, second: Tensor) -> bool:
    """Return whether two outputs are equal up to rounding, also in half precision."""
    return bool((first - second).float().norm() <= 1e-2 * first.float().norm())
