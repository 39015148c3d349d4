"""The table of a comparison."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmkd.benchmark.comparison import check_same_recipe, markdown, own_settings, spread
from mmkd.benchmark.runs import Run
from mmkd.benchmark.statistics import Rule
from mmkd.compat.machine import provenance

RULE = Rule("accuracy/top1", "accuracy %", 1, True, "student alone", (), 0.5, (0, 1))


def outcome(accuracies: list[float], iteration: float = 0.1) -> dict[str, Any]:
    metrics = {"accuracy/top1": accuracies}
    for name in ("ece", "nll", "entropy", "overconfidence"):
        metrics[f"calibration/{name}"] = [0.5, 0.25]
    fixed = dict(epochs=[1, 2], seconds=60.0, commit="abc")
    return dict(metrics=metrics, iteration=iteration, **fixed)


def result(**changes: Any) -> dict[str, Any]:
    return (
        dict(
            title="A title",
            rule=RULE,
            planned=["student alone", "kd"],
            seeds=[0, 1],
            jobs=2,
            costs={
                "teacher": dict(seconds=0.4, parameters=5000, bytes=9e6),
                "student alone": dict(seconds=0.1, parameters=1000, bytes=2e6),
                "kd": dict(seconds=0.25, parameters=1010, bytes=6.5e6),
            },
            recipe=dict(train_cfg=dict(max_epochs=2)),
            data=dict(train=dict(subset=10), test={}, batch_size=64),
            configs=dict(teacher="t.py"),
            own_settings=dict(kd=dict(raw_alpha=dict(decay_mult=0.0)), teacher={}),
            outcomes={
                "teacher": [outcome([80.0, 90.0], 0.4)],
                "student alone": [outcome([70.0, 60.0]), outcome([50.0, 62.0])],
                "kd": [outcome([65.0, 66.0], 0.2), outcome([65.0, 68.0], 0.3)],
            },
            **provenance(Path(__file__).parent),
        )
        | changes
    )


def cells(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_last_epoch_counts_and_the_best_stands_apart() -> None:
    student = cells(markdown(result()), "student alone")
    assert student[1] == "61.00 ± 1.41"
    assert student[-1] == "66.00 ± 5.66"
    assert student[2] == "25.00 ± 0.00"


def column(text: str, title: str, name: str) -> str:
    return dict(zip(cells(text, ""), cells(text, name), strict=True))[title]


def test_time_is_compared_with_the_plain_student() -> None:
    text = markdown(result())
    assert column(text, "ms/step", "kd") == "250"
    assert column(text, "x student alone", "kd") == "2.50"
    assert column(text, "x kd", "student alone") == "0.40"


def test_costs_are_those_beyond_the_plain_student() -> None:
    text = markdown(result())
    assert column(text, "extra parameters", "kd") == "+10"
    assert column(text, "extra parameters", "teacher") == "+4,000"
    assert column(text, "extra MB", "kd") == "+4.5"
    assert column(text, "extra MB", "student alone") == "+0.0"


def test_the_entropy_gap_is_to_the_teacher() -> None:
    changed = result()
    changed["outcomes"]["kd"][0]["metrics"]["calibration/entropy"] = [0.0, 0.75]
    assert column(markdown(changed), "entropy gap", "kd") == "+0.250"


def test_detectors_are_compared_by_ap() -> None:
    outcomes = {
        name: [dict(run, metrics={f"coco/bbox_mAP{end}": [0.2, 0.1] for end in ("", "_50", "_75")})]
        for name, [run, *_] in result()["outcomes"].items()
    }
    rule = replace(RULE, metric="coco/bbox_mAP", title="AP", seeds=(0,))
    text = markdown(result(seeds=[0], outcomes=outcomes, rule=rule))
    assert column(text, "AP", "kd") == "0.100"
    assert column(text, "best AP", "kd") == "0.200"


def test_metrics_that_are_there_are_shown() -> None:
    changed = result(costs={}, rule=replace(RULE, metric="psnr", title="psnr"))
    for same in changed["outcomes"].values():
        for number, run in enumerate(same):
            run["metrics"] = {"psnr": [20.0 + number]}
    text = markdown(changed)
    assert column(text, "psnr", "kd") == "20.500 ± 0.707"
    assert "ECE" not in text
    assert "ms/step" not in text


def test_a_single_evaluation_has_no_best() -> None:
    changed = result()
    for same in changed["outcomes"].values():
        for run in same:
            run["epochs"] = [2]
            run["metrics"] = {name: values[-1:] for name, values in run["metrics"].items()}
    assert "best" not in markdown(changed).partition("## Differences")[0]


def test_differences_are_paired_by_seed_and_judged() -> None:
    [_, line] = [line for line in markdown(result()).splitlines() if line.startswith("| kd |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:3] == ["student alone", "+6.00"]
    assert cells[5:] == ["+6.00, +6.00", "GO"], "the interval of equal differences is a point"
    text = " ".join(markdown(result()).split())
    assert "corrected by Holm for all 1 planned comparisons" in text


def test_a_page_without_rows_has_the_rule_and_the_conditions() -> None:
    text = markdown(result(outcomes={}, costs={}, cells=[{}], configs={}))
    assert "No row can be shown yet: 1 of 4 runs have finished." in text
    assert "Fixed before the first run" in text
    assert "\n- Command:" in text


def test_lines_are_short_those_of_code_too() -> None:
    text = markdown(result(note="A long note. " * 20, command="python " + "x " * 80))
    long = [line for line in text.splitlines() if len(line) > 100 and not line.startswith("|")]
    assert not long


def test_unfinished_rows_are_counted_and_not_shown() -> None:
    text = markdown(result(planned=["student alone", "kd", "erkd"]))
    assert "Of 3 planned rows, 1 are unfinished and not shown." in text
    assert "erkd" not in text


def test_says_what_is_needed_to_repeat_it() -> None:
    text = " ".join(markdown(result()).split())
    parts = ("Command: `", "Commit: `", "Versions: python", "Machine: ", "Seeds: 0, 1")
    own = """own parameters: kd `{"raw_alpha": {"decay_mult": 0.0}}`"""
    for part in (*parts, '"subset": 10', own):
        assert part in text


def test_a_single_seed_is_called_one() -> None:
    outcomes = {name: runs[:1] for name, runs in result()["outcomes"].items()}
    text = markdown(result(seeds=[0], outcomes=outcomes))
    assert "single seed" in text
    assert "±" not in "".join(cells(text, "kd"))
    assert "| kd | student alone | +6.00 |  |  | +6.00 | open |" in text


def test_names_the_commits_of_the_runs_and_not_of_the_table() -> None:
    changed = result()
    changed["outcomes"]["kd"][0]["commit"] = "def"
    assert "\n- Commit: `abc`, `def`\n" in markdown(changed)


def test_spread_is_the_sample_standard_deviation() -> None:
    assert spread([1.0, 3.0], 2) == "2.00 ± 1.41"
    assert spread([1.0], 2) == "1.00"


def test_another_recipe_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("train_cfg = dict(max_epochs=3)\nmodel = dict(a=1)\n")
    (tmp_path / "two.py").write_text("train_cfg = dict(max_epochs=3)\nmodel = dict(a=2)\n")
    one, two = (Run(name, str(tmp_path / f"{name}.py"), tmp_path) for name in ("one", "two"))
    check_same_recipe([one, two])
    longer = Run("longer", two.config, tmp_path, {"train_cfg.max_epochs": 4})
    with pytest.raises(ValueError, match="longer has another train_cfg than one"):
        check_same_recipe([one, longer])
    for key, allowed in (("custom_keys.raw_alpha.lr_mult", True), ("norm_decay_mult", False)):
        other = Run("other", one.config, tmp_path, {f"optim_wrapper.paramwise_cfg.{key}": 0.5})
        assert own_settings(other) == ({"raw_alpha": {"lr_mult": 0.5}} if allowed else {})
        with nullcontext() if allowed else pytest.raises(ValueError, match="optim_wrapper"):
            check_same_recipe([one, other])


def test_a_note_is_on_the_page() -> None:
    assert "\nThe machine was busy.\n" in markdown(result(note="The machine was busy."))


def test_the_page_says_what_the_rows_were_tuned_by() -> None:
    one = dict(settings={"lr": 0.1}, space={"lr": "uniform(0,1)"}, trials=3, failed=1)
    text = " ".join(markdown(result(tuned={"kd": one})).split())
    assert (
        '- Tuned on validation images: kd `{"lr": 0.1}` of `{"lr": "uniform(0,1)"}` in 4 trials'
        in text
    )
    assert "Tuned" not in markdown(result())
