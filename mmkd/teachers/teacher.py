"""Frozen network of a teacher, and the way it is run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.compat.checkpoints import trusted
from mmkd.networks.building import Spec
from mmkd.networks.roles import Overrides, Roles
from mmkd.networks.sizes import own_size
from mmkd.networks.taps import Tap, expand
from mmkd.teachers.acceleration import Acceleration
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
from mmkd.teachers.frozen import FrozenNetwork
from mmkd.teachers.opening import initialise, open_network
from mmkd.teachers.predicting import classified, predictions
from mmkd.teachers.preprocessing import Preprocessing
from mmkd.teachers.renormalize import Normalization, Pixels
from mmkd.teachers.weights import load_weights


class Teacher(FrozenNetwork):
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
        fold_bn: Whether to fold BatchNorm into the convolutions before it, in the type of the
            weights and before they are converted to ``dtype``. The outputs stay equal up to
            rounding, which is checked.
        compile: Whether to compile the network; or options of ``torch.compile``, as for MMEngine's
            Runner: ``dict(mode='reduce-overhead')`` runs it as CUDA graphs, which is for small
            images on a GPU.
        speed: ``'exact'`` runs the network as it is written, apart from the options above; its
            outputs are the same bit for bit. ``'fast'`` folds batch norms where that is right,
            compiles the network, and converts it to bfloat16 and channels_last if the processor
            has instructions for bfloat16. On the first images of the run the outputs are then
            compared with the exact ones, and the log says how they agree and how fast they are. If
            they do not agree, or are slower, the teacher runs as with ``'exact'``.
        shard: Whether each process of a distributed run holds a part of the weights only, see
            :func:`mmkd.teachers.sharding.shard`. One process holds them all.
        released_code: Let the network's batch norms normalise by the statistics of each batch, as
            in the released code of OFD (mdistiller), WSLD and FCFD, which leave the teacher in
            training mode. The running statistics do not change, and evaluation uses them.
        roles: Taps by role, such as ``dict(logits='head.fc')``, in place of those from the dry run,
            see :class:`mmkd.networks.roles.Roles`.
        pretrained: Whether to load the weights that the other library has for the network, by its
            own download. By default it loads weights only from a local folder that ``model`` names,
            and downloads nothing.
        arguments: Further arguments of the other library's function that builds the network, such
            as ``dict(img_size=224)``.
        normalization: Normalisation of the RGB images that the network takes, as
            ``dict(mean=[...], std=[...])`` in pixel units, in place of what the network says.
        student_normalization: The same for the student's input, for a student whose data
            preprocessor does not tell it. It takes precedence over the data preprocessor.

    Attributes:
        class_map: Correspondence of classes, if there is one.
        classes: Number of classes of a classifier's logits (N, C), once its roles were found.
        found_roles: The roles that were found.

    Raises:
        CheckpointError: If the checkpoint is damaged, or contains code and is not trusted.
        FileNotFoundError: If the checkpoint does not exist.
        ModuleNotFoundError: If the package of the network is not installed.
        ValueError: If an argument is not allowed, or the weights do not fit the network.
    """

    found_roles: Roles

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
        compile: bool | Mapping[str, Any] = False,
        speed: str = "exact",
        shard: bool = False,
        released_code: bool = False,
        roles: Overrides | None = None,
        pretrained: bool | None = None,
        arguments: Mapping[str, Any] | None = None,
        normalization: Mapping[str, Sequence[float]] | None = None,
        student_normalization: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        if shard and (compile or speed == "fast"):
            raise ValueError(
                "A sharded teacher gathers its weights layer by layer, which compiled code does "
                "not do: take shard=True without compile=True and speed='fast'."
            )
        self.sharded = shard
        trust = trust_checkpoint or trusted()
        pretrained = False if checkpoint is not None else pretrained
        opened = open_network(model, pretrained, arguments or {}, trust)
        meta: Mapping[str, Any] = {}
        if checkpoint is not None:
            meta = load_weights(opened.network, checkpoint, prefix, strict, trust)
        elif not opened.has_weights:
            initialise(opened.network)
        parsed = parse_class_map(class_map)
        self.class_map = parsed if isinstance(parsed, ClassMap) else None
        self._named_classes = parsed if isinstance(parsed, NamedClasses) else None
        if self._named_classes is not None and self._named_classes.teacher is None:
            self._named_classes.teacher = (
                meta_classes(meta) or opened.classes or network_classes(opened.spec)
            )
        self._preprocessing = Preprocessing(
            Normalization.of(opened.network) if opened.preprocesses else None,
            Pixels.parse(normalization) or opened.pixels,
            Pixels.parse(student_normalization),
        )
        self.classes: int | None = None
        self._roles, self._spec = roles, opened.spec
        input_size = input_size or opened.size
        super().__init__(
            opened.network,
            Acceleration.read(speed, dtype, memory_format, fold_bn, compile),
            (input_size, input_size) if isinstance(input_size, int) else input_size,
            interpolation,
            released_code,
        )

    @property
    def mixes_samples(self) -> bool:
        """Whether the output for a sample depends on the other samples of its batch."""
        return self._released_code

    def __deepcopy__(self, memo: dict[int, Any]) -> "Teacher":
        """Return itself: copies of a distiller, such as EMA's, share its teachers."""
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return an attribute of the network: ``teacher.backbone``, ``teacher.parameters``."""
            if name == "network" or name.startswith("__"):
                raise AttributeError(name)
            return getattr(self.network, name)

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

    def find_roles(self, name: str, inputs: Tensor) -> Roles:
        """Find the network's roles on an example (N, C, H, W) of the student's input.

        If the network cannot take images of that size, and says which sizes it takes, its input is
        resized from then on, as with ``input_size``.
        """
        roles = self._fitting_roles(name, inputs)
        self.name, self.found_roles = name, roles
        self.logits = roles.taps.get("logits", [])
        shapes = [roles.shapes.get(tap, ()) for tap in self.logits]
        self.classes = shapes[0][1] if [len(shape) for shape in shapes] == [2] else None
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
        """Find the taps that ``[:]`` stands for, on an example (N, C, H, W) of the input."""
        forward = partial(self.manner.forward, self.network, self.prepare(inputs), taps)
        return expand(self.network, taps, forward)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list[Any]) -> list[Any]:
        """Return the network's predictions, data samples over the student's classes.

        Args:
            inputs: The student's input (N, C, H, W), from the student's data preprocessor.
            data_samples: Data samples, which are filled in place.
        """
        if not self.manner.computes_losses:
            if self.classes is None:
                raise ValueError(f"The teacher {self.name!r} gives no class scores of images.")
            (logits,) = self(inputs, data_samples, self.logits).values()
            return classified(logits, data_samples, self.class_map)
        self.settle(inputs, data_samples, self.manner.example_rois(inputs))
        inputs = self.prepare(inputs, data_samples)
        with self._autocast(inputs.device.type):
            return predictions(self.network, inputs, data_samples, self.class_map)
