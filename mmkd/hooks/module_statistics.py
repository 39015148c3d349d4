"""What modules beside the student tell of themselves, in the training log."""

from collections.abc import Iterator

from torch import Tensor, nn

from mmkd.distillers import BaseDistiller


def module_statistics(distiller: BaseDistiller) -> dict[str, Tensor]:
    """Return what modules of the terms, and shared ones, tell by a method ``statistics``.

    ``statistics() -> dict[str, Tensor]`` of a module gives 0-dim tensors by name: its state, or
    what it did with its last batch. They are logged as ``<term>/<name>``, those of a shared module
    as ``<its own name>/<name>``.
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
