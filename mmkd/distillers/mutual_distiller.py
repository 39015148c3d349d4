"""Distiller of networks that learn together, each from the others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from mmkd.distillers.base import (
    BaseDistiller,
    Config,
    Losses,
    Step,
    build_student,
    check_network_name,
)
from mmkd.distillers.preprocessing import share_preprocessing
from mmkd.losses import LogitLoss
from mmkd.networks.building import Spec
from mmkd.networks.dry_run import Shapes, device_of, shapes_of
from mmkd.networks.roles import Roles, examine
from mmkd.networks.sizes import example_inputs
from mmkd.networks.taps import Tap, Taps, run_tapped
from mmkd.registry import MODELS
from mmkd.terms.checks import check_labels, check_views, check_weights
from mmkd.terms.draft import Draft, draft_terms
from mmkd.terms.reading import Features
from mmkd.terms.term import Term, TermOutput, Terms
from mmkd.terms.trial import try_term
from mmkd.typed import uncompiled

SUFFIX = "_mutual"


@MODELS.register_module()
class MutualDistiller(BaseDistiller):
    r"""Model that trains several networks at once, by their task losses and each other's outputs.

    Deep Mutual Learning (Zhang, Xiang, Hospedales, Lu; CVPR 2018), equations 3 to 9. Network k of K
    adds to its task losses

    .. math:: \frac{1}{K-1} \sum_{j \ne k} KL(p_j \,\|\, p_k)

    where the other networks' probabilities :math:`p_j` get no gradient. All networks take the same
    step at once, on the same batch; the paper's algorithm updates them one after another.

    The first network is the student: it predicts, is evaluated and exported. The losses of each
    network are logged as ``<name>.<loss>``, and its loss towards the others as
    ``loss_<name>_mutual``.

    Args:
        students: The networks by name: model configs, or paths or names of config files.
        logits: Tap of the logits, shape (N, C): one for all networks, or a dict by name.
        loss: Config of the loss between the logits of two networks.
        sample_weight: Config of a sample weight, computed from both logits.
        weight: Scalar weight of the loss towards the other networks. With 0 each learns alone.
        schedule: Arguments of :class:`mmkd.schedule.Schedule` for that weight.
        input_shape: Channels, height and width of an input for the dry run that measures shapes. By
            default those of the data, or those that the network names, or 64 x 64 or 224 x 224
            pixels.
        data_preprocessor: The data preprocessor of all networks. If their configs name
            preprocessors, these must be equal, because all networks share the first one.

    Raises:
        ValueError: If there are fewer than two networks, a name is not allowed, classes or
            preprocessing differ, a tap gives no logits (N, C), or the loss does not compare logits.
    """

    def __init__(
        self,
        students: Mapping[str, Spec],
        logits: str | Mapping[str, str] = "@logits",
        loss: Config | None = None,
        sample_weight: Config | None = None,
        weight: float = 1.0,
        schedule: Config | None = None,
        input_shape: Sequence[int] | None = None,
        data_preprocessor: Config | nn.Module | None = None,
    ) -> None:
        _check_names(students)
        first, *peers = students
        super().__init__(build_student(students[first], data_preprocessor))
        self._first = first
        self.teachers, self.shared = {}, nn.ModuleDict()
        self.student_loss_transforms = nn.Sequential()
        # The parts besides the student must not change how the student is initialised.
        with torch.random.fork_rng(devices=[]):
            self.peers = ModuleDict(
                {name: build_student(students[name], data_preprocessor) for name in peers}
            )
            share_preprocessing(self.networks)
            inputs = self._resolve(
                logits, example_inputs(self.student, students[first], input_shape)
            )
            settings = dict(
                loss=loss or dict(type="mmkd.KDLoss", temperature=1.0),
                sample_weight=sample_weight,
                weight=weight,
                schedule=schedule,
            )
            self.terms = Terms()
            shapes = self._shapes(inputs)
            for name, own in self.taps.items():
                read: dict[str, Taps] = {"student": own, **self.taps}
                del read[name]
                for draft in draft_terms({f"{name}{SUFFIX}": settings}, read, self.shared):
                    self.terms[draft.name] = self._finish_term(draft, name, shapes)
        self._finish()

    @classmethod
    def student_of(cls, model: Mapping[str, Any]) -> Any:
        return next(iter(model["students"].values()))

    @property
    def networks(self) -> dict[str, nn.Module]:
        """All networks by name, the student first."""
        return {self._first: self.student, **self.peers}

    @uncompiled
    def loss(self, inputs: Tensor, data_samples: Any) -> Losses:
        """Return the task losses of all networks, and ``loss_<name>_mutual`` of each."""
        factors = self.factors()
        losses: Losses = {}
        features: dict[str, dict[Tap, Tensor]] = {}
        for name, network in self.networks.items():
            taps = [self.taps[name]] if any(factors.values()) else []
            forward: Callable[[], Any] = partial(network, inputs, data_samples, mode="loss")
            own, features[name] = run_tapped(network, taps, forward)
            losses.update({f"{name}.{key}": value for key, value in own.items()})
        others = {
            name: {tap: logits.detach() for tap, logits in caught.items()}
            for name, caught in features.items()
        }
        read: dict[str, Features] = {
            term: {**others, "student": features[term.removesuffix(SUFFIX)]} for term in self.terms
        }
        outputs = self.add_terms(losses, factors, read, (inputs, data_samples))
        if self._observers:
            self._report(losses, outputs, features)
        return losses

    def _resolve(self, logits: str | Mapping[str, str], examples: Iterable[Tensor]) -> Tensor:
        """Find the taps of the networks' logits, and return an example that all of them can take.

        Raises:
            ValueError: If a network has no tap of its logits, or several.
        """
        texts = logits if isinstance(logits, Mapping) else dict.fromkeys(self.networks, logits)
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("`logits` is one tap of each network, such as 'head.fc', not a list.")
        if set(texts) != set(self.networks):
            raise ValueError(
                f"`logits` names {', '.join(texts)}; it needs a tap for each of "
                f"{', '.join(self.networks)}."
            )
        inputs, roles = examine(
            {n: partial(Roles.find, f"network {n!r}", part) for n, part in self.networks.items()},
            examples,
        )
        self.taps = {name: roles[name].single(texts[name]) for name in self.networks}
        return inputs

    def _shapes(self, inputs: Tensor) -> dict[str, Shapes]:
        """Return the shapes of the logits by network, from a dry run.

        Raises:
            ValueError: If the networks differ in the number of classes.
        """
        shapes = {
            name: shapes_of(f"network {name!r}", network, inputs, [self.taps[name]])
            for name, network in self.networks.items()
        }
        classes = {name: shapes[name][tap][-1] for name, tap in self.taps.items()}
        if len({*classes.values()}) > 1:
            listed = ", ".join(f"{count} of {name!r}" for name, count in classes.items())
            raise ValueError(
                "The networks compare their logits, which must be of the same classes, but at the "
                f"taps of their logits there are: {listed}."
            )
        return shapes

    def _finish_term(self, draft: Draft, name: str, shapes: Mapping[str, Shapes]) -> Term:
        """Check the term by which a network learns from the others, and compute it once."""
        if not isinstance(draft.loss, LogitLoss):
            raise ValueError(
                "The networks learn from each other's logits, which "
                f"{type(draft.loss).__name__} does not compare: take a logit loss, such as "
                "loss=dict(type='mmkd.KDLoss')."
            )
        check_weights(draft)
        check_labels(draft, self.student)
        check_views(draft, self.student)
        device = device_of(self.student)
        term = Term(draft, {}).to(device)
        try_term(term, {**shapes, "student": shapes[name]}, device)
        return term

    def _report(
        self,
        losses: Losses,
        outputs: dict[str, TermOutput],
        features: dict[str, dict[Tap, Tensor]],
    ) -> None:
        """Call the observers; the first network is the student, the others are its teachers."""
        logits = {name: found for name, caught in features.items() for found in caught.values()}
        names = {self._first: "student"}
        step = Step(
            losses,
            outputs,
            {names.get(name, name): caught for name, caught in features.items()},
            logits.pop(self._first, None),
            logits,
            trained={f"{name}{SUFFIX}": names.get(name, name) for name in features},
        )
        self._notify(step)


def _check_names(students: Mapping[str, Spec]) -> None:
    if len(students) < 2:
        raise ValueError(
            "Mutual learning needs at least two networks: students=dict(<name>=..., <name>=...). "
            "The first one is evaluated and exported."
        )
    for name in students:
        check_network_name(name)
