"""Taps that a step reads, and passes of teachers over the samples that terms keep."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmkd.networks.taps import Tap
from mmkd.teachers import Teacher, names_of_each
from mmkd.terms.kept import of_samples, of_taps
from mmkd.terms.term import Term, Terms

Caught = dict[Tap, Tensor]


class Teaches(Protocol):
    """A :class:`mmkd.teachers.Teacher`, or a pass of one that several distillers share."""

    @property
    def mixes_samples(self) -> bool:
        """Whether the teacher has to run on the whole batch."""
        ...

    def __call__(
        self, inputs: Tensor, data_samples: Any, taps: Collection[Tap], rois: Sequence[Tensor] = ()
    ) -> dict[Tap, Tensor]:
        """Return the teacher's tensors at the taps."""
        ...


@dataclass(frozen=True)
class Wanted:
    """Taps that the acting terms of a step read.

    Attributes:
        student: Taps of the student.
        teachers: Each teacher that takes part, with its names and the taps to catch.
        early: Names of the terms that choose their samples before the teachers run.
        acting: Names of all terms that act.
    """

    student: list[Tap]
    teachers: list[tuple[Teaches, list[str], list[Tap]]]
    early: list[str]
    acting: Sequence[str]


def teach_kept(
    wanted: Wanted, terms: Terms, student: Caught, inputs: Tensor, data_samples: Any
) -> tuple[dict[str, Caught], dict[str, dict[str, Caught]], dict[str, Tensor | None]]:
    """Choose the samples of terms by the student's logits, and run the teachers on those only.

    A teacher runs on the samples that any of its terms keeps; on all if one of them keeps all.

    Args:
        wanted: The taps and terms of this step.
        terms: All terms.
        student: The student's tensors at its taps.
        inputs: The batch's inputs (N, C, H, W).
        data_samples: The batch's data samples.

    Returns:
        The tensors of each network as they were caught; the tensors for each term; and, for each
        term that chose its samples early, the indices (k,) of these samples, ``None`` for all.
    """
    rows = {name: terms[name].choose({"student": student}) for name in wanted.early}
    features: dict[str, Caught] = {"student": student}
    of_terms: dict[str, dict[str, Caught]] = {name: {"student": student} for name in terms}
    for teacher, names, taps in wanted.teachers:
        readers = [name for name in wanted.acting if _reads(terms[name], names)]
        kept = None if teacher.mixes_samples else _union([rows.get(name) for name in readers])
        if kept is None:
            caught = teacher(inputs, data_samples, taps)
        else:
            samples = of_samples(data_samples, kept)
            caught = teacher(inputs.index_select(0, kept), samples, taps)
        features.update(dict.fromkeys(names, caught))
        for name in readers:
            own = rows.get(name)
            if own is not None and kept is not None:
                own = torch.searchsorted(kept, own)
            seen = caught if own is None else of_taps(caught, taps, own)
            of_terms[name].update(dict.fromkeys(names, seen))
    return features, of_terms, rows


def say_who_runs(terms: Terms, teachers: Mapping[str, Teacher]) -> None:
    """Log, if terms choose samples, whether each teacher runs on the chosen samples only."""
    for teacher, names in names_of_each(teachers).items():
        readers = [term for term in terms.values() if _reads(term, names)]
        if all(term.select is None for term in readers):
            continue
        chosen = ", ".join(repr(term.name) for term in readers)
        words = f"on the samples that are chosen for {chosen} only"
        if whole := [term.name for term in readers if not term.chooses_early]:
            words = (
                f"on all samples: {', '.join(map(repr, whole))} need{'s' * (len(whole) == 1)} "
                "them, because nothing is chosen, or by the teacher's logits, or within an image"
            )
        elif teacher.mixes_samples:
            words = "on all samples: its batch norms take the statistics of the batch"
        print_log(f"The teacher {names[0]!r} runs {words}.", "current")


def _reads(term: Term, names: Sequence[str]) -> bool:
    return any(name in term.teacher_taps for name in names)


def _union(chosen: Sequence[Tensor | None]) -> Tensor | None:
    """Return the samples that are in any of several choices, ascending, or ``None`` for all."""
    first, *others = chosen
    tensors = [rows for rows in chosen if rows is not None]
    if len(tensors) < len(chosen):
        return None
    return torch.cat(tensors).unique() if others else first
