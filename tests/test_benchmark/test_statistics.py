"""Paired differences, their intervals, and the verdicts."""

from dataclasses import replace

import pytest

from mmkd.benchmark.statistics import Rule, differences, holm, interval, p_value

RULE = Rule("accuracy/top1", "accuracy %", 1, True, "kd", (), 0.5, (0, 1, 2))


def test_an_interval_is_students() -> None:
    """t at 0.975 with 2 degrees of freedom is 4.3027, with 4 it is 2.7764, as tables have it."""
    low, high = interval([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)
    low, high = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert high - low == pytest.approx(2 * 2.7764 * (2.5 / 5) ** 0.5, abs=1e-4)


def test_p_is_two_sided_and_fits_the_interval() -> None:
    assert p_value([1.0, 2.0, 3.0]) == pytest.approx(0.0742, abs=1e-4)
    assert p_value([-1.0, -2.0, -3.0]) == p_value([1.0, 2.0, 3.0])
    assert (p_value([0.0, 0.0]), p_value([2.0, 2.0]), p_value([2.0])) == (1.0, 0.0, None)


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]


def values(**rows: float) -> dict[str, list[float]]:
    """Rows with a mean over three seeds that share large deviations."""
    small = [0.01, -0.01, 0.0]
    found = {name: [m + 9 * s + e for s, e in enumerate(small)] for name, m in rows.items()}
    return {"kd": [50.0, 59.0, 68.0], **found}


def verdicts(rule: Rule = RULE, planned: int = 0, **rows: float) -> dict[str, str]:
    names = ["kd", *rows, *(f"later{k}" for k in range(planned))]
    return {d.row: d.verdict for d in differences(values(**rows), rule, names)}


def test_pairs_of_seeds_show_what_deviations_over_seeds_would_hide() -> None:
    assert verdicts(er=51, ea=50.4, none=50, dkd=49) == dict(
        er="GO", ea="open", none="open", dkd="worse"
    ), "ea is better, by less than the margin"


def test_a_smaller_metric_may_be_the_better_one() -> None:
    assert verdicts(replace(RULE, greater=False), er=51, dkd=49) == dict(er="worse", dkd="GO")


def test_rows_to_come_count_in_the_correction() -> None:
    assert verdicts(er=51) == dict(er="GO")
    assert verdicts(er=51, planned=2000) == dict(er="open")


def test_a_row_can_be_compared_with_its_control() -> None:
    rule = replace(RULE, against=(("er", "control"),))
    found = differences(values(er=51, control=51), rule, ["kd", "er", "control"])
    assert [(d.row, d.baseline, d.verdict) for d in found] == [
        ("er", "kd", "GO"),
        ("control", "kd", "GO"),
        ("er", "control", "open"),
    ]
