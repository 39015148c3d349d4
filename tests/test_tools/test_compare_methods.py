"""Comparisons of methods: their rows, their runs and their tables."""

import importlib
import json
import re
import runpy
import shutil
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from tool_runs import FEW_IMAGES, ROOT, Tool, run_tool

from mmkd.benchmark.comparison import check_same_recipe
from mmkd.benchmark.runs import Run
from mmkd.registry import MODELS

CONFIGS = ROOT / "configs/quickstart"


@pytest.mark.slow
def test_compare_methods_repeats_nothing_and_lets_a_table_grow(tool: Tool, tmp_path: Path) -> None:
    options = [option for option in FEW_IMAGES if "randomness" not in option]
    command = (
        "benchmarks/compare_methods.py",
        *("--teacher", CONFIGS / "teacher_digits.py", "--student", CONFIGS / "student_digits.py"),
        *("--seeds", 0, 1, "--jobs", 2, "--work-dir", "runs", "--out", "docs/table.md"),
        *("--baseline", "quickstart", "--rounds", 0, "--cfg-options", *options),
        *("--methods", CONFIGS / "kd_digits.py", "er=erkd"),
    )
    tool(*command)
    page = (tmp_path / "docs/table.md").read_text()
    table = page.partition("## Differences")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]
    assert rows[2:] == ["teacher", "student alone", "quickstart", "er"]
    assert "| er | quickstart |" in page
    result = json.loads((tmp_path / "docs/table.json").read_text())
    assert len(result["cells"]) == 7
    assert all(cell["record"]["machine"] for cell in result["cells"])
    shutil.rmtree(tmp_path / "runs/er_seed1")  # the JSON has its outcome
    own = ("--options", "renorm", "model.terms.kd.sample_weight.renormalize=true")
    done = tool(*command, "renorm=erkd", *own, "--store", "renorm")
    assert re.search("^er, seed", done.stdout, re.MULTILINE) is None
    grown = json.loads((tmp_path / "docs/table.json").read_text())
    assert grown["outcomes"]["er"] == result["outcomes"]["er"]
    assert {"renorm", "er"} < grown["outcomes"].keys()
    assert (tmp_path / "runs/store/manifest.json").exists()
    refused = run_tool(*command[:-3], "--margin", 2, *command[-3:], cwd=tmp_path)
    assert "The rule was fixed before the first run, and margin would change" in refused.stdout


def test_a_comparison_is_checked_before_its_first_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools/benchmarks")
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "compare_methods.py",
            *("--teacher", str(CONFIGS / "teacher_digits.py")),
            *("--student", str(CONFIGS / "student_digits.py")),
            *("--methods", "erkd", "--options", "erkd", "model.terms.kd.loss.temperatur=2"),
            *("--work-dir", str(tmp_path / "runs"), "--out", str(tmp_path / "table.md")),
        ],
    )
    script = ROOT / "tools/benchmarks/compare_methods.py"
    with pytest.raises(SystemExit, match=r"(?s)compare_methods.py: erkd, seed 0: .*temperatur"):
        runpy.run_path(str(script), run_name="__main__")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["configs"]


def test_tuned_rows_had_searches_of_equal_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools/benchmarks")
    names = runpy.run_path(str(ROOT / "tools/benchmarks/comparison_rows.py"))
    for name, weight, trials in (("kd", 2.0, 4), ("er", 3.0, 3), ("dkd", 1.0, 3)):
        found = dict(settings={"w": weight}, space={"w": "int(1,3)"}, trials=trials, failed=0)
        (tmp_path / f"{name}.json").write_text(json.dumps(found | dict(metric="x")))

    def options(*tuned: str) -> Any:
        pairs = [f"{name}={tmp_path / name}.json" for name in tuned]
        given = dict(cfg_options={"w": 0.0}, tuned=pairs, options=[], store=[])
        rows = {"student alone": "a.py", **{name: f"{name}.py" for name in ("er", "dkd")}}
        if "kd" in tuned:
            rows["kd"] = rows.pop("dkd")
        return names["row_options"](Namespace(**given), rows)

    found = options("er", "dkd")
    assert found == {"student alone": {"w": 0.0}, "er": {"w": 3.0}, "dkd": {"w": 1.0}}
    with pytest.raises(SystemExit, match=r"equal size.*er: 1 settings in 3 .*kd: 1 settings in 4"):
        options("er", "kd")
    with pytest.raises(SystemExit, match="names er; all or none of the methods are tuned"):
        options("er")


def test_a_table_is_looked_at_against_another_row(monkeypatch, capsys) -> None:
    table = ROOT / "docs/benchmarks/all_methods.json"
    arguments = ["x", str(table), "--baseline", "kd", "--rows", "erkd", "ka_lsr"]
    monkeypatch.setattr(sys, "argv", arguments)
    script = str(ROOT / "tools/benchmarks/paired_differences.py")
    runpy.run_path(script, run_name="__main__")
    *_, erkd, ka_lsr = capsys.readouterr().out.splitlines()
    assert erkd.startswith("| erkd | kd | -0.27 | -1.74 to +1.20 |")
    assert ka_lsr.endswith("| 0.008 | -1.77, -1.43, -1.58 | worse |")
    monkeypatch.setattr(sys, "argv", [*arguments, "nothing"])
    with pytest.raises(SystemExit, match="no rows"):
        runpy.run_path(script, run_name="__main__")


@pytest.mark.slow
def test_cells_of_a_cohort_are_those_of_separate_runs(tool: Tool, tmp_path: Path) -> None:
    options = [option for option in FEW_IMAGES if "randomness" not in option]
    found = {}
    for name, extra in dict(separate=["--cohort", 1], together=[]).items():
        done = tool(
            "benchmarks/compare_methods.py",
            *("--teacher", CONFIGS / "teacher_digits.py"),
            *("--student", CONFIGS / "student_digits.py"),
            *("--methods", f"kd={CONFIGS / 'kd_digits.py'}", f"er={CONFIGS / 'erkd_digits.py'}"),
            *("--seeds", 0, "--rounds", 1, "--work-dir", name, "--out", f"{name}.md", *extra),
            *("--cfg-options", *options),
        )
        outcomes = json.loads((tmp_path / f"{name}.json").read_text())["outcomes"]
        found[name] = {row: [one["metrics"] for one in same] for row, same in outcomes.items()}
    assert found["separate"] == found["together"]
    assert re.search(r"^Together, with one pass of the teacher: kd, er \(", done.stdout, re.M)
    assert [*(tmp_path / "together").glob("cohort_*/finished.json")]
    assert not (tmp_path / "together/kd_seed0/train.log").exists()


MEMBER = """
model = dict(type="mmkd.Distiller", student=dict(), terms=dict(), teacher=dict(checkpoint="t.pth"))
optim_wrapper = dict()
"""


def test_runs_are_trained_together_where_memory_and_jobs_allow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools/benchmarks")
    cohorts, rows = map(importlib.import_module, ("comparison_cohorts", "comparison_rows"))
    (tmp_path / "member.py").write_text(MEMBER)
    config, plan = str(tmp_path / "member.py"), rows.Plan({}, {})
    for name in ("student alone", "kd", "er", "hint", "dkd"):
        inputs = () if name == "student alone" else (tmp_path / "t.pth",)
        plan.methods[name] = [
            Run(f"{name}, seed {seed}", config, tmp_path / f"{name}{seed}", {}, inputs)
            for seed in (0, 1)
        ]
    sizes = {run.work_dir: 10_000_000 for same in plan.methods.values() for run in same}
    refused = set[str]()

    def build(config: Config) -> None:
        if bad := refused & {*config.model.members}:
            raise ValueError(f"The member {bad.pop()!r} has RoIs.")

    monkeypatch.setattr(cohorts, "build", build)

    def lines(cohort: int | None = None, free: int = 10**9, jobs: int = 1) -> list[str]:
        monkeypatch.setattr(cohorts, "free_bytes", lambda: free)
        arguments = Namespace(cohort=cohort, jobs=jobs, seeds=[0, 1])
        return [*cohorts.choose(arguments, plan, sizes, jobs).lines(plan)]

    together = "Together, with one pass of the teacher:"
    assert lines() == [
        f"{together} kd, er, hint, dkd (120 MB more than one of them, of 500 MB for that)"
    ]
    assert lines(cohort=2, free=0) == [f"{together} kd, er", f"{together} hint, dkd"]
    assert lines(free=159_000_000) == [
        f"{together} kd, er (40 MB more than one of them, of 80 MB for that)",
        f"{together} hint, dkd (40 MB more than one of them, of 80 MB for that)",
    ]
    assert lines(free=0) == ["Each by itself, for lack of memory: kd, er, hint, dkd"]
    by_choice = "Each by itself, as --cohort or the number of jobs says: kd, er, hint, dkd"
    assert lines(jobs=8) == [by_choice]
    assert lines(cohort=1) == [by_choice]
    assert len(lines(jobs=4)) == 2, "no job is idle"
    plan.methods["hint"][0].options["model.teacher.checkpoint"] = "other.pth"
    assert lines()[1:] == ["Each by itself, no other run has its teacher and data: hint"]
    refused.add("er0")
    assert lines()[0].startswith(f"{together} kd, dkd (")
    assert lines()[-1] == "By itself: er. The member 'er0' has RoIs."


def test_fashion_mnist_configs_differ_in_the_model_only(tmp_path: Path) -> None:
    names = ["baseline/resnet20", "baseline/resnet8_w8"]
    names += [f"{method}/resnet20_resnet8_w8" for method in ("kd", "erkd", "eakd")]
    files = [ROOT / f"configs/{name}_fmnist8k.py" for name in names]
    check_same_recipe([Run(path.stem, str(path), tmp_path) for path in files])
    weights = []
    for path in files[2:]:
        model = Config.fromfile(path).model
        model.teacher.checkpoint = None
        term = MODELS.build(model).terms["kd"]
        weights.append(type(term.sample_weight).__name__)
        assert term.loss.temperature == 4
    assert weights == ["NoneType", "EntropyWeight", "EntropyAdaptiveWeight"]


def test_each_method_gets_the_teachers_that_its_config_names(tmp_path: Path) -> None:
    tool = runpy.run_path(str(ROOT / "tools/benchmarks/comparison_rows.py"))
    config = tmp_path / "demkd" / "two_digits.py"
    config.parent.mkdir()
    base = f"_base_ = {str(CONFIGS / 'student_digits.py')!r}\n"
    config.write_text(
        f"{base}model = dict(teachers=dict(a=dict(checkpoint='a.pth'), b=dict(checkpoint='b.pth')))"
    )
    again = tmp_path / "again_digits.py"
    again.write_text(
        f"{base}model = dict(teacher=dict(checkpoint='work_dirs/student_digits/epoch_3.pth'))"
    )
    averaged = tmp_path / "averaged_digits.py"
    averaged.write_text(f"{base}model = dict(teacher=dict(model='as the student'))")
    arguments = Namespace(
        teacher=str(CONFIGS / "teacher_digits.py"),
        student=str(CONFIGS / "student_digits.py"),
        methods=[str(config), f"again={again}", f"averaged={averaged}"],
        seeds=[5],
        teacher_per_seed=False,
        work_dir=tmp_path,
        cfg_options=None,
        options=[["again", "model.terms.kd.weight=2"]],
        store=[],
        tuned=[],
    )
    plan = tool["plan"](arguments)
    assert list(plan.teachers) == [0, 1, 5]
    [run] = plan.methods["demkd"]
    assert "teacher_seed0" in run.options["model.teachers.a.checkpoint"]
    assert "teacher_seed1" in run.options["model.teachers.b.checkpoint"]
    [run] = plan.methods["again"]
    assert "student_alone_seed5" in run.options["model.teacher.checkpoint"], "its own teacher"
    assert [str(path) for path in run.inputs] == [run.options["model.teacher.checkpoint"]]
    assert run.options["model.terms.kd.weight"] == 2, "a setting of this row alone"
    own = Namespace(
        **{**vars(arguments), "methods": [f"kd={CONFIGS / 'kd_digits.py'}"]}
        | dict(options=[], seeds=[5, 6], teacher_per_seed=True)
    )
    plans = tool["plan"](own)
    assert list(plans.teachers) == [5, 6]
    for seed, run in zip(plans.teachers, plans.methods["kd"], strict=True):
        assert f"teacher_seed{seed}" in run.options["model.teacher.checkpoint"]
        assert run.parents == (plans.teachers[seed],)
    own.store = ["kd"]
    with pytest.raises(SystemExit, match="a store has one teacher"):
        tool["plan"](own)
    own.teacher_per_seed = False
    for run in tool["plan"](own).methods["kd"]:
        assert run.options["model.store.path"] == str(tmp_path / "store")
        assert run.inputs[1] == tmp_path / "store/manifest.json"
    [run] = plan.methods["averaged"]
    assert not run.inputs
    assert "model.teacher.checkpoint" not in run.options
