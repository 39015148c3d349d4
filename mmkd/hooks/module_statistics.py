"""Statistics that modules beside the student report for the training log."""

from collections.abc import Iterator

from torch import Tensor, nn

from mmkd.distillers import BaseDistiller


def module_statistics(distiller: BaseDistiller) -> dict[str, Tensor]:
    """Return the statistics that modules of the terms, and shared modules, report.

    A method ``statistics() -> dict[str, Tensor]`` of a module returns 0-dim tensors by name: its
    state, or facts about its last batch. They are logged as ``<term>/<name>``; for a shared module
    with that module's name in place of the term's.
    """
    scalars = {}
    for user, part in _parts(distiller):
        for module in part.modules():
            statistics = getattr(module, "statistics", None)
            if callable(statistics):
                scalars.update({f"{user}/{name}": value for name, value in statistics().items()})
    return scalars


def _parts(distiller: BaseDistiller) -> Iterator[tuple[str, nn.Module]]:
    yield from distiller.terms.items()
    yield from distiller.shared.items()
    yield "student", distiller.student_loss_transforms
