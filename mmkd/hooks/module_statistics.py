"""Statistics that modules besides the student report for the training log."""

from collections.abc import Iterator

from torch import Tensor, nn

from mmkd.distillers import BaseDistiller


def module_statistics(distiller: BaseDistiller) -> dict[str, Tensor]:
    """Return the statistics that modules report, by the name under which they are logged.

    A module reports statistics by a method ``statistics() -> dict[str, Tensor]``, which returns
    0-dim tensors by name, about the module's state or its last batch. Those of a term's modules are
    logged as ``<term>/<name>``, those of a shared module as ``<module>/<name>``, and those of the
    transforms of the student's own losses as ``student/<name>``.
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
