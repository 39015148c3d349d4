"""Finished term of the objective: the tensors it reads, how it compares and weighs them."""

from collections.abc import Callable, ItemsView, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mmkd.arithmetic import reduce_loss
from mmkd.connectors.connect import PairConnectors
from mmkd.contracts import traits_of
from mmkd.locations import Selection
from mmkd.networks.taps import Tap
from mmkd.teachers import CrossHead
from mmkd.terms.draft import Draft
from mmkd.terms.kept import of_labels, of_samples, of_taps
from mmkd.terms.nothing import no_loss
from mmkd.terms.reading import Features, TermTensors

Batch = tuple[Features, Tensor | None, Any, Tensor | None]


@dataclass
class TermOutput:
    """Result of a term in one step.

    Attributes:
        loss: Weighted loss, 0-dim, with its graph.
        weight: Product of sample and teacher weight, shape (K, N), if the term has either.
        logits: Logits of the samples that the term selects, shape (N, C) by network, if the term
            has ``locations``, or chose samples before its teachers ran, and compares logits.
        empty: Whether no place was selected in this step, so that the loss is 0.
    """

    loss: Tensor
    weight: Tensor | None
    logits: dict[str, Tensor] | None = None
    empty: bool = False


class Term(TermTensors):
    """One line of the objective, ``weight * schedule * sum over teachers of loss``.

    :func:`mmkd.terms.building.build_terms` makes it from a config; nothing changes it afterwards.

    Args:
        draft: The settings and parts, with the taps as the dry run resolved them.
        connectors: The connector for each teacher that needs one.
        heads: The parts of the teachers that ``weigh_through`` names, by teacher.
        transforms: The transforms of the teachers' features, by teacher.
        crossings: The teachers' heads that predict from the student's features, by teacher.

    Attributes:
        name: The term's name; its loss is logged as ``loss_<name>``.
        weight: Scalar weight.
        schedule: Schedule by which the term acts; ``None`` means always.
        student_taps: The student's tap or taps.
        teacher_taps: The tap or taps of each teacher that takes part, by its name.
        logit_taps: Tap of the logits, by network: ``'student'`` and the names of the teachers.
        label_tap: Tap at which the student assigns labels; ``None`` means the labels of the data
            samples.
        taps: All taps that the term reads, by network, as ordered sets.
        loss: The loss.
        select: The choice of the samples that enter the term; ``None`` means all.
        chooses_early: Whether these are images chosen by the student's logits alone, so that the
            teachers need no others.
        connectors: Connectors by teacher.
        heads: The parts of the teachers that ``weigh_through`` names, by teacher.
        transforms: The transforms of the teachers' features, by teacher.
        crossings: The teachers' heads that predict from the student's features, by teacher.
        class_maps: Correspondence of classes, for each teacher that has other classes.
        weighs: Whether the term weighs samples or teachers.
        relational: Whether the loss compares relations between samples, as a whole or in part.
        needs_labels: Whether the term needs class indices.
    """

    def __init__(
        self,
        draft: Draft,
        connectors: Mapping[str, nn.Module],
        heads: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
        transforms: Mapping[str, nn.Module] | None = None,
        crossings: Mapping[str, CrossHead] | None = None,
    ) -> None:
        super().__init__(draft, crossings or {})
        self.weight, self.schedule = draft.settings.weight, draft.schedule
        self.loss: nn.Module = draft.loss
        self._reduction = draft.traits.reduction
        self.select = draft.select
        self._select_reads_teacher = draft.select is None or traits_of(draft.select).reads_teacher
        self.chooses_early = not (
            self._select_reads_teacher or draft.locations is not None or draft.student_gives
        )
        self.sample_weight = draft.sample_weight
        self.teacher_weight = draft.teacher_weight
        self.connectors = nn.ModuleDict(connectors)
        self.transforms = nn.ModuleDict(transforms or {})
        self.heads = dict(heads or {})
        self.weighs, self.reads_logits = draft.weighs, draft.reads_logits
        self._losses_weigh, self._logits_weigh = draft.losses_weigh, draft.logits_weigh
        self.relational, self.needs_labels = draft.traits.relational, draft.needs_labels
        # Besides the weight, a loss gets the parts of a batch that it declares.
        self._passed = sorted({"labels", "data_samples", "inputs"} & draft.traits.accepts)
        self._passes_boxes = "boxes" in draft.traits.accepts
        if self.sample_weight is not None:
            self._sample_traits = traits_of(self.sample_weight)
        if self.teacher_weight is not None:
            self._teacher_traits = traits_of(self.teacher_weight)

    def forward(
        self,
        features: Features,
        labels: Tensor | None,
        data_samples: Any = None,
        kept: Tensor | None = None,
        inputs: Tensor | None = None,
    ) -> TermOutput:
        """Compute the term, without its scalar weight and schedule.

        Args:
            features: Tensors at the taps of each network, by ``'student'`` and teacher names.
            labels: Class indices, shape (N,), or ``None`` if the batch has none.
            data_samples: The batch's data samples, for losses that take them.
            kept: Result of :meth:`choose`, (k,), if the teachers' tensors are already restricted to
                them.
            inputs: The student's input (N, ...), for losses that take it.
        """
        selection = None
        if self.locations is not None:
            features = self.locations.predicted(features, data_samples)
        if self.label_tap is not None or self.locations is not None:
            labels, selection = self._select(features, labels, data_samples)
            if selection is not None and not len(selection.rows["student"]):
                return TermOutput(self._nothing(features), None, empty=True)
        if self.select is not None:
            batch = features, labels, data_samples, inputs
            batch, selection = self._keep(batch, selection, kept)
            features, labels, data_samples, inputs = batch
        pairs: dict[str, tuple[Any, Any]] = {}
        for name, taps in self.teacher_taps.items():
            if isinstance(self.student_taps, Tap) and isinstance(taps, Tap) and selection is None:
                pairs[name] = features["student"][self.student_taps], features[name][taps]
            else:
                seen = self._crossed(name, features) if self.crossings else features
                student = self._read("student", self.student_taps, seen, selection)
                pairs[name] = student, self._read(name, taps, features, selection)
        logits = None
        if selection is not None or kept is not None:
            logits = self._compared_logits(pairs)
        if self.class_maps or self.connectors or self.transforms:
            pairs = {name: self._comparable(name, *pair) for name, pair in pairs.items()}
        weights = self._weights(features, labels, selection, pairs) if self._logits_weigh else None
        given = dict(labels=labels, data_samples=data_samples, inputs=inputs)
        arguments: dict[str, Any] = {name: given[name] for name in self._passed}
        if selection is not None and selection.avg_factor is not None:
            arguments["avg_factor"] = selection.avg_factor
        if self._losses_weigh:
            return self._by_losses(pairs, arguments, weights, logits)
        losses = []
        for k, (name, (student, teacher)) in enumerate(pairs.items()):
            if weights is not None:
                arguments["weight"] = weights[k]
            if self._passes_boxes and selection is not None and selection.boxes is not None:
                arguments["boxes"] = selection.boxes["student"], selection.boxes[name]
            losses.append(self.loss(student, teacher, **arguments))
        total = sum(losses[1:], start=losses[0])
        if self.relational:
            total = total / len(losses)
        return TermOutput(total, None if weights is None else weights.detach(), logits)

    def _by_losses(
        self,
        pairs: Mapping[str, tuple[Any, Any]],
        arguments: dict[str, Any],
        weights: Tensor | None,
        logits: dict[str, Tensor] | None,
    ) -> TermOutput:
        """Compute the term if the teacher weight is computed from the losses.

        Args:
            pairs: The compared tensors of student and teacher, by teacher.
            arguments: Further arguments of the loss.
            weights: Weight of each sample by teacher, (K, N), besides that of the teachers.
            logits: Logits for the result.
        """
        divisor = arguments.pop("avg_factor", None)
        each = torch.stack(
            [self.loss(*pair, **arguments, reduction_override="none") for pair in pairs.values()]
        )
        assert self.teacher_weight is not None
        shares: Tensor = self.teacher_weight(each.detach())
        weights = shares if weights is None else weights * shares
        total = reduce_loss((weights * each).sum(0), None, self._reduction, divisor)
        return TermOutput(total, weights.detach(), logits)

    def choose(self, features: Features, selection: Selection | None = None) -> Tensor | None:
        """Return the indices of the samples that enter the term, (k,), or ``None`` for all.

        Args:
            features: As in :meth:`forward`; the student's alone if the term ``chooses_early``.
            selection: The compared places, if the term has locations.
        """
        assert self.select is not None
        names = () if not self._select_reads_teacher else (*self.teacher_taps,)
        kept: Tensor | None = self.select(*self._raw_logits(features, selection, names))
        return kept

    def _keep(
        self, batch: Batch, selection: Selection | None, kept: Tensor | None
    ) -> tuple[Batch, Selection | None]:
        """Return the batch, or the places, of the kept samples alone."""
        features, labels, data_samples, inputs = batch
        networks = ["student"]
        if kept is None:
            kept, networks = self.choose(features, selection), [*self.taps]
        if kept is None:
            return batch, selection
        if selection is not None:
            selection = selection.only(kept)
            return (features, selection.labels, data_samples, inputs), selection
        read = {name: of_taps(features[name], self.taps[name], kept) for name in networks}
        if "data_samples" in self._passed:
            data_samples = of_samples(data_samples, kept)
        if "inputs" in self._passed:
            inputs = of_labels(inputs, kept)
        return ({**features, **read}, of_labels(labels, kept), data_samples, inputs), None

    def _comparable(self, name: str, student: Any, teacher: Any) -> tuple[Any, Any]:
        """Restrict logits to shared classes, and transform and connect features."""
        if name in self.transforms:
            teacher = self.transforms[name](teacher)
        if name in self.class_maps and self._compares_logits[name]:
            class_map = self.class_maps[name]
            student, teacher = class_map.of_student(student), class_map.of_teacher(teacher)
        if name in self.connectors and not self.crossings:
            connector: Any = self.connectors[name]
            if not isinstance(student, Tensor):
                return connector(student, teacher), teacher
            if isinstance(connector, PairConnectors):
                return connector[0](student, teacher), teacher
            return connector([student], [teacher])[0], teacher
        return student, teacher

    def _nothing(self, features: Features) -> Tensor:
        """Return 0 with a graph to the student, and to the term's parts where DDP needs one."""
        student: Tensor = self._read("student", self.student_taps, features)
        return student.sum() * 0 + no_loss(self, student)

    def _weights(
        self,
        features: Features,
        labels: Tensor | None,
        selection: Selection | None,
        compared: Mapping[str, tuple[Any, Any]],
    ) -> Tensor:
        """Return sample weight times teacher weight, shape (K, N), from raw logits.

        Args:
            features: As in :meth:`forward`.
            labels: Class indices, shape (N,).
            selection: The compared places, if the term has locations.
            compared: The student's connected feature and the teacher's, by teacher.
        """
        students, teachers = self._raw_logits(features, selection, [*self.teacher_taps])
        weights: Tensor | None = None
        if self.sample_weight is not None:
            given = {"labels": labels} if self._sample_traits.needs_labels else {}
            pairs = zip(students, teachers, strict=True)
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self._sample_traits.detach):
                found = [self.sample_weight(s, t, **given) for s, t in pairs]
                weights = torch.stack(found) if len(found) > 1 else found[0][None]
        if self.teacher_weight is not None and not self._losses_weigh:
            detach = self._teacher_traits.detach
            with torch.set_grad_enabled(torch.is_grad_enabled() and not detach):
                for k, (name, head) in enumerate(self.heads.items()):
                    seen, class_map = head(compared[name][0]), self.class_maps.get(name)
                    teachers[k] = class_map.of_teacher(seen) if class_map else seen
                shares: Tensor = self.teacher_weight(students[0], teachers, labels=labels)
            weights = shares if weights is None else weights * shares
        assert weights is not None
        return weights

    def _raw_logits(
        self, features: Features, selection: Selection | None, names: Sequence[str]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return raw logits (N, C) of the student for each teacher, and of the teachers ``names``.

        They are those over shared classes, at the selected places if there are any.
        """
        found = {}
        for network in ("student", *names):
            taps = self.logit_taps[network]
            if isinstance(taps, Tap) and selection is None:
                found[network] = features[network][taps]
            else:
                read = self._read(network, taps, features, selection)
                found[network] = read if self.locations else read[0]
        own, maps = found["student"], self.class_maps
        students = [maps[n].of_student(own) if n in maps else own for n in self.teacher_taps]
        teachers = [maps[n].of_teacher(found[n]) if n in maps else found[n] for n in names]
        return students, teachers


class Terms(nn.ModuleDict):
    """The terms by name."""

    if TYPE_CHECKING:

        def __getitem__(self, key: str) -> Term: ...
        def items(self) -> ItemsView[str, Term]: ...
        def values(self) -> ValuesView[Term]: ...
