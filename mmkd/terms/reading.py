"""Tensors that a term reads from its networks: at its taps, at its places, with its labels."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.locations import Selection
from mmkd.networks.taps import Tap, Taps, flat
from mmkd.teachers import ClassMap, CrossHead
from mmkd.terms.draft import Draft
from mmkd.typed import TypedModule

Features = Mapping[str, Mapping[Tap, Tensor]]


class TermTensors(TypedModule):
    """Tensors that a term reads; :class:`mmkd.terms.Term` lists the attributes.

    Args:
        draft: The settings and parts, with the taps as the dry run resolved them.
        crossings: The teachers' heads that predict from the student's features, by teacher.
    """

    connectors: nn.ModuleDict  # set by the term, after its loss, whose parameters come first

    def __init__(self, draft: Draft, crossings: Mapping[str, CrossHead]) -> None:
        super().__init__()
        self.name = draft.name
        self.student_taps: Taps = draft.student
        self.teacher_taps, self.logit_taps = dict(draft.teachers), dict(draft.logits)
        self.label_tap, self.locations = draft.labels, draft.locations
        self.taps = {name: dict.fromkeys(read) for name, read in draft.wanted().items()}
        self.class_maps: dict[str, ClassMap] = draft.class_maps
        self.crossings, self._towers = dict(crossings), draft.towers
        self._compares_logits = {name: draft.compares_logits(name) for name in draft.teachers}

    def _select(
        self, features: Features, labels: Tensor | None, data_samples: Any
    ) -> tuple[Tensor | None, Selection | None]:
        """Return the labels of the compared samples, and the places if the term has locations."""
        if self.label_tap is not None:
            labels = features["student"].get(self.label_tap)
            if labels is None:
                labels = self._no_labels(features)
        if self.locations is None:
            return labels, None
        logits = {}
        if self.locations.reads_logits:
            for name in ("student", *self.teacher_taps):
                logits[name] = self._read(name, self.logit_taps[name], features).detach()
                if name in self.class_maps:
                    logits[name] = self.class_maps[name].of_teacher(logits[name])
        student = self._read("student", self.student_taps, features)
        selection = self.locations.select(student, logits, features, labels, data_samples)
        return selection.labels, selection

    def _no_labels(self, features: Features) -> Tensor:
        """Return empty labels, for a step in which the student has no sample to assign one to.

        Raises:
            RuntimeError: If the student does have samples.
        """
        caught = [features["student"][tap] for tap in flat(self.student_taps)]
        if any(tensor.numel() for tensor in caught):
            raise RuntimeError(
                f"The labels of the term {self.name!r}, '{self.label_tap}', have no tensor: their "
                "module did not run, though there were samples. Tap where the student assigns them."
            )
        return torch.zeros(0, dtype=torch.long, device=caught[0].device)

    def _read(
        self, network: str, taps: Taps, features: Features, selection: Selection | None = None
    ) -> Any:
        """Return the list of tensors at taps, or rows (R, D) if there are locations."""
        caught = [features[network][tap] for tap in flat(taps)]
        if self.locations is None:
            return caught
        logits = taps == self.logit_taps[network]
        read = self.locations.logits if logits else self.locations.flatten
        rows = read(network, caught)
        return rows if selection is None else rows[selection.rows[network]]

    def _compared_logits(self, pairs: Mapping[str, tuple[Any, Any]]) -> dict[str, Tensor] | None:
        """Return the compared logits at the selected places, by network."""
        logits: dict[str, Tensor] = {}
        for name, (student, teacher) in pairs.items():
            if self._compares_logits[name]:
                logits.update({"student": student, name: teacher})
        return logits or None

    def _crossed(self, teacher: str, features: Features) -> Features:
        """Return features in which the teacher's predictions replace the student's outputs.

        The teacher predicts from the features of the student's towers. Sample and teacher weights
        still read the student's own logits.
        """
        own, theirs = (
            [features[network][tap] for tap in self._towers[network]]
            for network in ("student", teacher)
        )
        if teacher in self.connectors:
            own = self.connectors[teacher](own, theirs)
        outputs = self.crossings[teacher](own, theirs)
        predicted = dict(zip(flat(self.student_taps), outputs, strict=True))
        return {**features, "student": {**features["student"], **predicted}}
