"""Base class of the models that train networks by terms and export one of them."""

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mmkd.models.multi_view import MultiViewDataPreprocessor
from mmkd.networks.building import Spec, TrainsStudent, build_network
from mmkd.networks.student import student_model
from mmkd.networks.taps import Tap
from mmkd.networks.views_apart import take_views_apart
from mmkd.store import Store
from mmkd.teachers import Teacher
from mmkd.terms.labels import class_labels
from mmkd.terms.nothing import no_loss
from mmkd.terms.reading import Features
from mmkd.terms.term import TermOutput, Terms
from mmkd.typed import TypedModel, uncompiled

Config = dict[str, Any]
Losses = dict[str, Any]


@dataclass
class Step:
    """Results of one training step, for its observers.

    Attributes:
        losses: Every entry of the objective, under the name in the log.
        terms: Output of each term that acted, by its name.
        features: Tensors at the taps of each network, by ``'student'`` and the names of the others.
        student_logits: Logits of the student, shape (N, C), if a term that acted reads them.
        teacher_logits: Logits, shape (N, C) each, of the other networks that computed them.
        activation: Activation of the student's head, ``'softmax'`` or ``'sigmoid'``.
        trained: The network that a term trains, by the term's name, if it is not the student.
    """

    losses: Losses
    terms: dict[str, TermOutput]
    features: dict[str, dict[Tap, Tensor]]
    student_logits: Tensor | None
    teacher_logits: dict[str, Tensor]
    activation: str = "softmax"
    trained: Mapping[str, str] = field(default_factory=dict)


class BaseDistiller(TypedModel, TrainsStudent):
    """Model that trains networks by terms; one of them, the student, predicts and is exported.

    Args:
        network: The student.

    Attributes:
        student: The student. Its weights have the prefix ``student.`` in a checkpoint.
        teachers: Frozen networks by name, if there are any.
        terms: The terms by name.
        shared: Modules that several terms use, by name.
        student_loss_transforms: Transforms of the logits that the student's task losses read.
        store: Store of the teachers' logits, if the teachers do not run.
    """

    teachers: dict[str, Teacher]
    terms: Terms
    shared: nn.ModuleDict
    student_loss_transforms: nn.Sequential
    store: Store | None = None

    def __init__(self, network: nn.Module) -> None:
        super().__init__(data_preprocessor=getattr(network, "data_preprocessor", None))
        self.student = network
        self._observers: OrderedDict[int, Callable[[Step], None]] = OrderedDict()
        self._register_load_state_dict_pre_hook(  # type: ignore[no-untyped-call]
            self._accept_student_weights
        )

    @classmethod
    def student_of(cls, model: Mapping[str, Any]) -> Any:
        return model["student"]

    def forward(
        self, inputs: Tensor, data_samples: list[Any] | None = None, mode: str = "tensor"
    ) -> Any:
        """Run the model.

        Args:
            inputs: Images from the data preprocessor, shape (N, C, H, W).
            data_samples: The batch's data samples.
            mode: ``'loss'`` for a dict of losses, ``'predict'`` for the student's predictions,
                ``'tensor'`` for the student's raw output.
        """
        if mode == "loss":
            return self.loss(inputs, data_samples)
        return self.infer(inputs, data_samples, mode)

    def infer(self, inputs: Tensor, data_samples: list[Any] | None, mode: str) -> Any:
        """Return the student's predictions or raw output, see :meth:`forward`."""
        return self.student(inputs, data_samples, mode=mode)

    @abstractmethod
    def loss(self, inputs: Tensor, data_samples: Any) -> Losses:
        """Return the losses of a training step by name."""

    def parse_losses(self, losses: Losses) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum the losses, and name them for the log.

        mmpretrain's heads name their loss ``loss``, which is also MMEngine's name of the total. The
        log therefore calls the loss of the head ``loss_student``.
        """
        named = {"loss_student" if name == "loss" else name: v for name, v in losses.items()}
        return super().parse_losses(named)

    @uncompiled
    def factors(self) -> dict[str, float]:
        """Return the factor of each term in this step, which is 0 if the term does not act."""
        factors = {}
        for name, term in self.terms.items():
            factors[name] = term.weight * (1.0 if term.schedule is None else term.schedule.now())
        return factors

    def add_terms(
        self,
        losses: Losses,
        factors: Mapping[str, float],
        features: Mapping[str, Features],
        batch: tuple[Tensor, Any],
        kept: Mapping[str, Tensor | None] | None = None,
    ) -> dict[str, TermOutput]:
        """Compute the terms that act, and add ``loss_<name>`` of each term to the losses.

        Args:
            losses: The losses, to which the terms are added.
            factors: The factor of each term.
            features: The tensors that were caught for each term, by its name.
            batch: Inputs (N, C, H, W) and data samples.
            kept: For each term that chose its samples before its teachers ran, the indices (k,) of
                these samples; the term's teacher tensors are of these samples only.
        """
        inputs, data_samples = batch
        labels = class_labels(data_samples) if self._needs_labels else None
        outputs: dict[str, TermOutput] = {}
        kept = kept or {}
        for name, term in self.terms.items():
            if factors[name]:
                given = labels, data_samples, kept.get(name), inputs
                outputs[name] = term(features[name], *given)
                loss, factor = outputs[name].loss, factors[name]
                losses[f"loss_{name}"] = loss if factor == 1 else factor * loss
            else:
                losses[f"loss_{name}"] = no_loss(term, inputs)
        return outputs

    def observe(self, observer: Callable[[Step], None]) -> RemovableHandle:
        """Call ``observer`` at the end of each training step, until the handle is removed."""
        handle = RemovableHandle(self._observers)
        self._observers[handle.id] = observer
        return handle

    @uncompiled
    def _notify(self, step: Step) -> None:
        for observer in list(self._observers.values()):
            observer(step)

    def _finish(self) -> None:
        """Complete the model once its terms are built."""
        self._needs_labels = any(term.needs_labels for term in self.terms.values())
        # Hooks of the student's library look for parts of the model by name, as mmdet's hook for
        # YOLOX does for `bbox_head`. The student's parts are therefore attributes of this model,
        # too.
        for name, part in self.student.named_children():
            if not hasattr(self, name):
                object.__setattr__(self, name, part)

    def _accept_student_weights(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        """Accept the weights of a plain student: add the prefix that they have in this model."""
        own = [key for key in self.state_dict() if key.startswith("student.")]
        if any(f"{prefix}{key}" in state_dict for key in own):
            return
        for key in own:
            plain = f"{prefix}{key.removeprefix('student.')}"
            if plain in state_dict:
                state_dict[f"{prefix}{key}"] = state_dict.pop(plain)


def build_student(spec: Spec, data_preprocessor: Config | nn.Module | None) -> nn.Module:
    """Build a network that is trained, with the preprocessing of the training config."""
    if isinstance(spec, nn.Module):
        return spec
    network = build_network(student_model(spec, data_preprocessor))
    preprocessor = getattr(network, "data_preprocessor", None)
    if isinstance(preprocessor, MultiViewDataPreprocessor) and preprocessor.released_code:
        take_views_apart(network, preprocessor.views)
    return network


def logged(losses: Losses) -> Losses:
    """Rename each loss to its name in the log."""
    named = dict(losses)
    if "loss" in named:
        named["loss_student"] = named.pop("loss")
    return named


def check_network_name(name: str) -> None:
    """Raise ``ValueError`` for a name under which a trained network's losses cannot be logged."""
    # The log sums all entries that have 'loss' in their names.
    if "." in name or "loss" in name or name == "student" or hasattr(nn.ModuleDict, name):
        raise ValueError(f"A network cannot be called {name!r}: choose another name.")


def scaled(losses: Losses, factor: float) -> Losses:
    """Scale the losses; other entries, such as accuracies, stay as they are."""
    found = dict(losses)
    for name, value in losses.items():
        if "loss" in name:
            single = isinstance(value, Tensor)
            found[name] = value * factor if single else [item * factor for item in value]
    return found
