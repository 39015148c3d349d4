"""The rule by which a comparison decides, and the paired differences that it is applied to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any


@dataclass(frozen=True)
class Rule:
    """Rule of a comparison, fixed before its first run.

    Attributes:
        metric: Key of the primary metric in the log; its value at the end of a run counts.
        title: Name and unit of the metric in the table.
        factor: Factor from the logged value to the table's unit.
        greater: Whether greater values of the metric are better.
        baseline: Name of the row that the others are compared with.
        against: Further comparisons of a row with another one, such as its control.
        margin: Mean difference, in the table's unit, that a row has to exceed.
        seeds: The seeds; two rows' runs of the same seed are a pair.
        level: Significance level, of the intervals and of the tests with Holm's correction.
    """

    metric: str
    title: str
    factor: float
    greater: bool
    baseline: str
    against: tuple[tuple[str, str], ...]
    margin: float
    seeds: tuple[int, ...]
    level: float = 0.05

    def pairs(self, rows: Sequence[str]) -> list[tuple[str, str]]:
        """Return all comparisons of a table's rows, as pairs of names."""
        others = [(row, self.baseline) for row in rows if row != self.baseline]
        return [*others, *(pair for pair in self.against if pair not in others)]

    def text(self, comparisons: int) -> str:
        """Return the rule as text, for a table with this number of comparisons."""
        better = "greater" if self.greater else "smaller"
        return (
            f"Fixed before the first run: the primary metric is {self.title} (`{self.metric}`, "
            f"{better} is better) at the end of training, on seeds "
            f"{', '.join(map(str, self.seeds))}. Runs of one seed make a pair; a difference is "
            f"the mean over the pairs, with the {1 - self.level:.0%} interval of Student's t. A "
            f"row is a GO if the interval lies on the better side of 0, the mean exceeds the "
            f"margin of {self.margin:g}, and its p, two-sided and corrected by Holm for all "
            f"{comparisons} planned comparisons, is below {self.level:g}; it is worse if interval "
            "and corrected p say so on the other side; otherwise the question is open."
        )


@dataclass(frozen=True)
class Difference:
    """Paired difference of two rows in the primary metric; positive if the row is better.

    Attributes:
        row: Name of the row.
        baseline: Name of the row that it is compared with.
        values: The difference for each seed.
        mean: Their mean.
        low: Lower end of the interval, ``None`` for a single seed.
        high: Upper end of the interval, ``None`` for a single seed.
        p: Two-sided p of the paired t test, corrected by Holm, ``None`` for a single seed.
        verdict: ``'GO'``, ``'worse'`` or ``'open'``.
    """

    row: str
    baseline: str
    values: list[float]
    mean: float
    low: float | None
    high: float | None
    p: float | None
    verdict: str


def differences(
    values: Mapping[str, Sequence[float]], rule: Rule, planned: Sequence[str]
) -> list[Difference]:
    """Return the paired differences of all finished rows, judged by a rule.

    Args:
        values: Primary metric of each row, in the table's unit, by seed in the rule's order.
        rule: The rule.
        planned: Names of all rows that the table will have. Comparisons whose runs are missing
            count in Holm's correction with a p value of 1.
    """
    pairs = rule.pairs(planned)
    sign = 1 if rule.greater else -1
    found = {
        (row, other): [sign * (a - b) for a, b in zip(values[row], values[other], strict=True)]
        for row, other in pairs
        if row in values and other in values
    }
    raw = [p_value(found[pair]) if pair in found else None for pair in pairs]
    corrected = dict(zip(pairs, holm([1.0 if p is None else p for p in raw]), strict=True))
    return [
        _judged(row, other, one, corrected[row, other], rule) for (row, other), one in found.items()
    ]


def _judged(row: str, baseline: str, values: list[float], p: float, rule: Rule) -> Difference:
    if len(values) < 2:
        return Difference(row, baseline, values, values[0], None, None, None, "open")
    low, high = interval(values, rule.level)
    middle = mean(values)
    verdict = "open"
    if p < rule.level and low > 0 and middle > rule.margin:
        verdict = "GO"
    elif p < rule.level and high < 0:
        verdict = "worse"
    return Difference(row, baseline, values, middle, low, high, p, verdict)


def interval(values: Sequence[float], level: float = 0.05) -> tuple[float, float]:
    """Return the interval of Student's t around the mean of at least two values."""
    half = _student().ppf(1 - level / 2, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return mean(values) - float(half), mean(values) + float(half)


def p_value(values: Sequence[float]) -> float | None:
    """Return the two-sided p of the t test that the mean is 0, or ``None`` for a single value."""
    if len(values) < 2:
        return None
    error = stdev(values) / len(values) ** 0.5
    if error == 0:
        return 0.0 if mean(values) else 1.0
    return float(2 * _student().sf(abs(mean(values)) / error, len(values) - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values, corrected for their number by the step-down method of Holm (1979)."""
    corrected = [1.0] * len(p_values)
    reached = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = reached
    return corrected


def _student() -> Any:
    try:
        from scipy.stats import t
    except ModuleNotFoundError as error:
        raise ImportError(
            "The intervals of a comparison need Student's t, which scipy has: pip install scipy."
        ) from error
    return t
