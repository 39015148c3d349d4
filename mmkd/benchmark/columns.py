"""Columns of a comparison's table, according to the metrics that its runs logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """Column of the table: a metric's key in the log, title, factor and digits."""

    metric: str
    title: str
    factor: float = 1
    digits: int = 3

    def values(self, outcomes: Sequence[Mapping[str, Any]]) -> list[float]:
        """Return the metric at the end of each run."""
        return [outcome["metrics"][self.metric][-1] * self.factor for outcome in outcomes]


ENTROPY = Column("calibration/entropy", "entropy")
KNOWN = (
    Column("accuracy/top1", "accuracy %", 1, 2),
    Column("coco/bbox_mAP", "AP"),
    Column("coco/bbox_mAP_50", "AP50"),
    Column("coco/bbox_mAP_75", "AP75"),
    Column("pascal_voc/mAP", "VOC mAP"),
    Column("accuracy/top5", "top-5 %", 1, 2),
    Column("calibration/ece", "ECE %", 100, 2),
    Column("calibration/nll", "NLL"),
    ENTROPY,
    Column("calibration/overconfidence", "over-confidence %", 100, 2),
    Column("teacher/agreement", "agreement %", 100, 2),
)
PRIMARY = {
    "Accuracy": "accuracy/top1",
    "CocoMetric": "coco/bbox_mAP",
    "VOCMetric": "pascal_voc/mAP",
}
NOTES = {
    "coco/bbox_mAP": "AP is MS-COCO's, the mean over IoU 0.50 to 0.95, from 0 to 1.",
    "calibration/ece": "ECE has 15 bins; NLL and entropy are in nats; the gap is the entropy minus "
    "that of the teachers; over-confidence is mean confidence minus accuracy.",
}


def columns_of(logged: Mapping[str, Sequence[float]]) -> list[Column]:
    """Return the columns for the metrics of a run: the known ones, or else all that it logged."""
    known = [column for column in KNOWN if column.metric in logged]
    return known or [Column(metric, metric) for metric in logged]


def column_of(metric: str) -> Column:
    """Return the column of a metric."""
    known = {column.metric: column for column in KNOWN}
    return known.get(metric, Column(metric, metric))


def default_metric(evaluator: Any) -> str:
    """Return the primary metric of runs with this evaluator's config.

    Raises:
        ValueError: If the evaluator has none of the known metrics.
    """
    parts = [evaluator] if isinstance(evaluator, Mapping) else [*(evaluator or [])]
    types = [str(part["type"]).rpartition(".")[2] for part in parts]
    for kind, metric in PRIMARY.items():
        if kind in types:
            return metric
    raise ValueError(
        f"The runs are evaluated by {', '.join(types) or 'nothing'}: name the metric to compare, "
        f"as the log calls it, by --metric KEY. Known are those of {', '.join(PRIMARY)}."
    )


def notes_of(columns: Sequence[Column]) -> list[str]:
    """Return notes that explain these columns to a reader."""
    return [NOTES[column.metric] for column in columns if column.metric in NOTES]
