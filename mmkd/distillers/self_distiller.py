"""Distiller of a network whose deepest classifier teaches classifiers at its earlier stages."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModule, ModuleDict
from torch import Tensor, nn

from mmkd.distillers.base import (
    BaseDistiller,
    Config,
    Losses,
    Step,
    build_student,
    check_network_name,
    logged,
    scaled,
)
from mmkd.networks.building import Spec
from mmkd.networks.dry_run import Shapes, evaluating, shapes_of
from mmkd.networks.roles import Roles, examine
from mmkd.networks.sizes import example_inputs
from mmkd.networks.taps import Tap, Taps, run_tapped
from mmkd.registry import MODELS
from mmkd.terms.checks import check_labels, check_weights
from mmkd.terms.connections import connect_draft
from mmkd.terms.draft import Draft, draft_terms
from mmkd.terms.reading import Features
from mmkd.terms.settings import check_terms
from mmkd.terms.term import Term, Terms
from mmkd.terms.trial import try_term
from mmkd.typed import OrderedSet, uncompiled

DEEPEST = "deepest"
MAP = Tap("neck", input=True)


@MODELS.register_module()
class SelfDistiller(BaseDistiller):
    r"""Model that trains a network and classifiers at its stages, which the deepest one teaches.

    Be Your Own Teacher: Improve the Performance of Convolutional Neural Networks via Self
    Distillation (Zhang, Song, Gao, Chen, Bao, Ma; ICCV 2019), section 3: a branch of a bottleneck,
    pooling and a classifier grows from each earlier stage, and learns the labels, the deepest
    classifier's output and its feature. Branches exist in training only: the network itself
    predicts and is exported.

    The bottleneck consists of convolutions of 1x1, k x k with stride k and 1x1, with a quarter of
    the channels in between and BatchNorm and ReLU after each convolution; k is chosen to give the
    size of the last map. The paper does not specify the bottleneck; this one comes from
    luanyunteng/pytorch-be-your-own-teacher.

    The losses of a branch are logged as ``<branch>.<loss>``, its terms as
    ``loss_<branch>_<term>``.

    Args:
        student: The network, a classifier of mmpretrain with ``neck`` and ``head``.
        branches: Tap of the stage from which each branch grows, by the branch's name.
        terms: Settings of terms by name, see :class:`mmkd.terms.settings.TermSettings`. Each branch
            gets a copy of every term. ``student`` is a tap of a branch, which has a ``neck`` and a
            ``head`` like the network's, and ``teacher`` is a tap of the network; both are
            ``logits`` by default.
        branch_loss_weight: Factor on the branches' losses with the labels, the paper's 1 - alpha.
        logits: Tap of the logits, of the network and of each branch.
        input_shape: Channels, height and width of an input for the dry run that measures shapes. By
            default those of the data, or those that the network names, or 64 x 64 or 224 x 224
            pixels.
        data_preprocessor: The student's data preprocessor, if the student's config has none.

    Raises:
        ValueError: If the network has no neck or head, a tap gives no map, or a term cannot be
            computed.
    """

    def __init__(
        self,
        student: Spec,
        branches: Mapping[str, str],
        terms: Mapping[str, Config],
        branch_loss_weight: float = 1.0,
        logits: str = "@logits",
        input_shape: Sequence[int] | None = None,
        data_preprocessor: Config | nn.Module | None = None,
    ) -> None:
        super().__init__(build_student(student, data_preprocessor))
        parts = [getattr(self.student, part, None) for part in ("neck", "head")]
        if not branches or not all(isinstance(part, nn.Module) for part in parts):
            raise ValueError(
                "Self-distillation grows branches=dict(<name>=<tap of a stage>, ...) with the neck "
                f"and the head of the network, a classifier of mmpretrain; there are "
                f"{len(branches)} branches of {type(self.student).__name__}."
            )
        self.branch_loss_weight = branch_loss_weight
        self.teachers, self.shared = {}, nn.ModuleDict()
        self.student_loss_transforms = nn.Sequential()
        check_terms(terms)
        inputs, roles = examine(
            {"student": partial(Roles.find, "student", self.student)},
            example_inputs(self.student, student, input_shape),
        )
        self.logits = roles["student"].single(logits)
        self.stages = {name: roles["student"].single(stage) for name, stage in branches.items()}
        self.terms, self._trained = Terms(), dict[str, str]()
        # The parts besides the student must not change how the student is initialised.
        with torch.random.fork_rng(devices=[]):
            drafts = {name: self._draft(name, terms) for name in branches}
            self._build_branches(inputs, drafts)
        self._finish()

    def _draft(self, branch: str, terms: Mapping[str, Config]) -> list[Draft]:
        """Read the terms of a branch."""
        check_network_name(branch)
        taps: dict[str, Taps] = {"student": self.logits, DEEPEST: self.logits}
        own = {f"{branch}_{name}": config for name, config in terms.items()}
        drafts = draft_terms(own, taps, self.shared)
        for draft in drafts:
            check_weights(draft)
            _check_plain(draft)
        return drafts

    @uncompiled
    def loss(self, inputs: Tensor, data_samples: Any) -> Losses:
        """Return the losses of the network, of its branches and of the terms."""
        factors = self.factors()
        acting = [name for name, factor in factors.items() if factor]
        wanted = [*self.stages.values(), *self._read(DEEPEST, acting)]
        forward = partial(self.student, inputs, data_samples, mode="loss")
        found, deepest = run_tapped(self.student, dict.fromkeys(wanted), forward)
        losses: Losses = found
        features: dict[str, dict[Tap, Tensor]] = {}
        for name, branch in self.branches.items():
            terms = [term for term in acting if self._trained[term] == name]
            forward = partial(branch.loss, deepest[self.stages[name]], data_samples)
            own, features[name] = run_tapped(branch, self._read("student", terms), forward)
            own = scaled(own, self.branch_loss_weight)
            losses.update({f"{name}.{key}": value for key, value in own.items()})
        teacher = {tap: tensor.detach() for tap, tensor in deepest.items()}
        read: dict[str, Features] = {
            term: {"student": features[branch], DEEPEST: teacher}
            for term, branch in self._trained.items()
        }
        outputs = self.add_terms(losses, factors, read, (inputs, data_samples))
        if self._observers:
            branches = {n: own[self.logits] for n, own in features.items() if self.logits in own}
            caught = {"student": deepest, **features}
            own_logits = deepest.get(self.logits)
            self._notify(
                Step(logged(losses), outputs, caught, own_logits, branches, trained=self._trained)
            )
        return losses

    def _read(self, network: str, terms: Sequence[str]) -> OrderedSet[Tap]:
        """Return the taps that terms read of ``'student'`` or the deepest classifier, each once."""
        return dict.fromkeys(tap for name in terms for tap in self.terms[name].taps[network])

    def _build_branches(self, inputs: Tensor, drafts: Mapping[str, Sequence[Draft]]) -> None:
        """Build the branches and finish their terms, from the shapes of a dry run."""
        wanted: OrderedSet[Tap] = {MAP: None, **dict.fromkeys(self.stages.values())}
        for draft in (draft for own in drafts.values() for draft in own):
            wanted.update(dict.fromkeys(draft.reads()[DEEPEST]))
        deepest = shapes_of("student", self.student, inputs, wanted)
        self.branches = ModuleDict()
        for name, stage in self.stages.items():
            branch = _Branch(name, self.student, deepest[stage], deepest[MAP]).to(inputs.device)
            self.branches[name] = branch
            taps = [tap for draft in drafts[name] for tap in draft.reads()["student"]]
            shapes = {"student": _shapes_of_branch(branch, taps, deepest[stage], inputs)}
            shapes[DEEPEST] = deepest
            for draft in drafts[name]:
                check_labels(draft, self.student)
                term = Term(draft, connect_draft(draft, shapes)).to(inputs.device)
                try_term(term, shapes, inputs.device)
                self.terms[draft.name], self._trained[draft.name] = term, name


def _shapes_of_branch(
    branch: nn.Module, taps: Sequence[Tap], stage: tuple[int, ...], inputs: Tensor
) -> Shapes:
    """Return the shapes at taps of a branch, from a dry run on an empty map of its stage."""
    for tap in taps:
        tap.check(branch)
    with evaluating(branch):
        forward = partial(branch.forward, inputs.new_zeros(stage))
        _, caught = run_tapped(branch, dict.fromkeys(taps), forward)
    return {tap: tuple(tensor.shape) for tap, tensor in caught.items()}


def _check_plain(draft: Draft) -> None:
    """Raise ``ValueError`` for a term that reads more of the networks than features."""
    asks = draft.locations or draft.labels or draft.settings.weigh_through or draft.traits.attaches
    if asks:
        raise ValueError(
            f"The term {draft.name!r} of a self-distillation compares features or logits alone: "
            "without `locations`, `labels` and `weigh_through`, and by a loss that takes no part "
            f"of a teacher, as {type(draft.loss).__name__} may."
        )


class _Branch(BaseModule):
    """Bottleneck from a stage's map to the shape of the last map, with a neck and a head."""

    def __init__(
        self, name: str, network: Any, stage: tuple[int, ...], last: tuple[int, ...]
    ) -> None:
        super().__init__()
        maps = len(stage) == len(last) == 4
        if not maps or stage[2] % last[2] or stage[2] * last[3] != stage[3] * last[2]:
            raise ValueError(
                f"The branch {name!r} leads from a stage's map (N, C, H, W) to the last one, whose "
                f"size divides its own, but their shapes are {stage} and {last}."
            )
        between, step = max(last[1] // 4, 1), stage[2] // last[2]
        self.bottleneck = nn.Sequential(
            *_conv(stage[1], between, 1),
            *_conv(between, between, step),
            *_conv(between, last[1], 1),
        )
        self.neck, self.head = deepcopy(network.neck), deepcopy(network.head)
        for module in self.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

    def forward(self, stage: Tensor) -> Any:
        """Return the logits, shape (N, C), of a stage's map."""
        return self.head(self.neck((self.bottleneck(stage),)))

    def loss(self, stage: Tensor, data_samples: Any) -> Losses:
        """Return the head's losses."""
        losses: Losses = self.head.loss(self.neck((self.bottleneck(stage),)), data_samples)
        return losses


def _conv(given: int, channels: int, size: int) -> list[nn.Module]:
    convolution = nn.Conv2d(given, channels, size, stride=size)
    return [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
