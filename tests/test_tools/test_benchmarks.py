"""Benchmarks and the quickstart, small."""

import importlib
import json
import os
import re
import runpy
import shutil
import sys
from argparse import Namespace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from runs import equal
from tool_runs import FEW_IMAGES, ROOT, Tool, free_port, run_tool
from warm_python import run_script

from mmkd.benchmark.comparison import check_same_recipe
from mmkd.benchmark.runs import Run
from mmkd.engine.runner import GUARDS
from mmkd.registry import MODELS

CONFIGS = ROOT / "configs/quickstart"


@pytest.mark.slow
def test_step_time(tool: Tool, tmp_path: Path) -> None:
    small = ["--batch-size", 4, "--rounds", 2, "--iterations", 3]
    configs = [CONFIGS / "erkd_digits.py", CONFIGS / "kd_digits.py"]
    done = tool("benchmarks/step_time.py", *configs, *small, "--out", "time.json")
    found = json.loads((tmp_path / "time.json").read_text())
    assert [*found["configs"]] == [str(config) for config in configs]
    result = found["configs"][str(configs[0])]
    seconds, memory = result["seconds"], result["peak_mb"]
    assert set(seconds) == set(memory) == {"student", "teacher", "distillation"}
    assert all(len(values) == 6 for values in result["all_seconds"].values())
    assert result["bound"] == pytest.approx(seconds["student"] + seconds["teacher"])
    assert result["ratio"] == pytest.approx(seconds["distillation"] / result["bound"])
    assert f"{result['ratio']:.3f}" in done.stdout
    assert all(value > 0 for value in [*seconds.values(), *memory.values()])
    assert {"torch", "mmkd"} <= set(found["versions"])
    assert "step_time.py" in found["command"]


def test_memory_of_a_part_is_what_its_step_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the memory of what was there before, or of another part."""
    script = runpy.run_path(str(ROOT / "tools/benchmarks/step_time.py"))
    sizes = dict(student=60, teacher=240)  # MB
    steps = {name: partial(torch.ones, size * 2**18) for name, size in sizes.items()}
    monkeypatch.setitem(script["own_memory"].__globals__, "build_steps", lambda *_: steps)
    held = torch.ones(100 * 2**18)
    for name, size in sizes.items():
        config, arguments = Config(dict(default_scope="mmpretrain")), Namespace(memory_of=name)
        assert size - 4 < script["own_memory"](config, arguments) < size + 20
    del held


@pytest.mark.slow
def test_store_speed(tool: Tool, tmp_path: Path) -> None:
    small = ["--batch-size", 2, "--rounds", 1, "--iterations", 2, "--out", "speed.json"]
    config = ROOT / "configs/erkd/resnet32x4_resnet8x4_cifar100.py"
    done = tool("benchmarks/store_speed.py", config, *small)
    result = json.loads((tmp_path / "speed.json").read_text())
    seconds, ratios = result["seconds"], [*result["ratios"].values()]
    expected = [("stored", "plain"), ("online", "stored"), ("teacher", "build")]
    assert ratios == [pytest.approx(seconds[a] / seconds[b]) for a, b in expected]
    assert all(len(values) == 2 for values in result["all_seconds"].values())
    assert "34 bytes a record" in done.stdout


@pytest.mark.slow
def test_libraries_are_measured_on_the_same_loss(tool: Tool, tmp_path: Path) -> None:
    config = ROOT / "configs/kd/resnet32x4_resnet8x4_cifar100.py"
    small = "--batch-size", "2", "--rounds", "1", "--out", tmp_path / "peers.json"
    done = tool("benchmarks/peers.py", config, *small)
    assert "a step written by hand" in done.stdout
    seconds = json.loads((tmp_path / "peers.json").read_text())["seconds"]
    assert [len(times) for times in seconds.values()][:3] == [1, 1, 1]
    peers = runpy.run_path(str(ROOT / "tools/benchmarks/peers.py"))
    init_default_scope("mmpretrain")
    parts = peers["Parts"](Config.fromfile(config), 2)
    by_hand = parts.by_hand()().item()
    assert parts.distiller()()["loss"].item() == pytest.approx(by_hand, rel=1e-5)
    assert parts.distill()().item() == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.slow
def test_step_time_of_detectors_on_their_data(tool: Tool, tmp_path: Path) -> None:
    from scenes import write_scenes

    write_scenes(tmp_path / "data/scenes", train=4)
    config = ROOT / "configs/quickstart_detection/erkd_scenes.py"
    small = ["--batch-size", 1, "--rounds", 1, "--iterations", 2, "--out", "time.json"]
    done = tool("benchmarks/step_time.py", config, "--from-data", "--amp", *small)
    result = json.loads((tmp_path / "time.json").read_text())["configs"][str(config)]
    seconds, memory = result["seconds"], result["peak_mb"]
    assert set(seconds) == set(memory) == {"student", "teacher", "whole", "distillation"}
    assert result["bound"] == pytest.approx(seconds["student"] + seconds["teacher"])
    assert all(value > 0 for value in [*seconds.values(), *memory.values()])
    assert "teachers' prediction" in done.stdout


@pytest.mark.parametrize("stages", [1, 2])
def test_step_time_runs_of_a_teacher_what_training_runs(stages: int) -> None:
    pytest.importorskip("mmdet")
    import tiny_detectors

    from mmkd.benchmark.random_batch import random_batch

    feature = dict(kd=dict(student="neck[0]", teacher="neck[0]", loss=dict(type="mmkd.HintLoss")))
    network = tiny_detectors.retinanet
    single = dict(student=network(), teacher=dict(model=network(50)), terms=feature)
    model = tiny_detectors.distiller(**(single if stages == 1 else {}))
    teacher, calls = model.teachers["teacher"].network, []
    for part in ("backbone", "neck", "rpn_head", "roi_head.bbox_head", "bbox_head"):
        if part.partition(".")[0] in dict(teacher.named_children()):
            module = teacher.get_submodule(part)
            module.register_forward_pre_hook(lambda *_, part=part: calls.append(part))
    tool = runpy.run_path(str(ROOT / "tools/benchmarks/step_time.py"))
    data = random_batch(model.student, 2, (3, 64, 64))
    forward = tool["teacher_forward"](model, data, False)
    assert model.teachers["teacher"].network is teacher
    for step, head, first in (
        (forward, ["roi_head.bbox_head"], []),
        (tool["teacher_prediction"](model, data, False), ["roi_head.bbox_head"], ["rpn_head"]),
    ):
        calls.clear()
        step()
        predicts = [*first, *head] if stages == 2 else ["bbox_head"] * len(first)
        assert [call for call in calls if call not in ("backbone", "neck")] == predicts
        assert calls[0] == "backbone"


def test_step_time_reads_no_weights() -> None:
    tool = runpy.run_path(str(ROOT / "tools/benchmarks/step_time.py"))
    pytest.importorskip("mmdet")
    for spec in (
        "mmkd::_base_/models/coco/fasterrcnn_r18.py",
        dict(config="mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py"),
    ):
        found = tool["without_weights"](spec)
        assert "Pretrained" not in str(found)
        assert found["backbone"]["type"] == "ResNet"
        assert "data_preprocessor" in found
    # mmdet's CARAFE neck takes no list for this.
    carafe = dict(config="mmdet::carafe/faster-rcnn_r50_fpn-carafe_1x_coco.py")
    found = tool["without_weights"](carafe)
    assert found["neck"]["order"] == ("conv", "norm", "act")


def test_step_time_wants_a_distiller(tmp_path: Path) -> None:
    done = run_tool("benchmarks/step_time.py", CONFIGS / "student_digits.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "no distillation to measure" in done.stdout


@pytest.mark.slow
def test_the_cost_of_each_guard_is_measured(tool: Tool) -> None:
    said = tool("benchmarks/guard_cost.py", "--rounds", 1).stdout
    rows = re.findall(r"^(.{24}) *(\S+) us ", said, re.MULTILINE)
    found = {name.strip(): float(cost) for name, cost in rows}
    assert [*found] == [*GUARDS, "exact_resume, loading", "all"]
    whole = float(re.search(r"([\d.]+) ms", said)[1]) * 1e3
    assert found["all"] == pytest.approx(sum(found.values()) - found["all"], abs=1)
    assert all(cost < whole for cost in found.values())


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
def test_cohort_cost(tool: Tool) -> None:
    small = ["--members", 2, "--batch-size", 4, "--rounds", 1]
    assert "2 students, float32, batch 4" in tool("benchmarks/cohort_cost.py", *small).stdout
    stacked = tool("benchmarks/cohort_cost.py", *small, "--stacked").stdout
    assert "one by one" in stacked
    assert "stacked" in stacked


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


@pytest.mark.slow
def test_processes_send_gradients_and_nothing_of_the_teacher(tool: Tool) -> None:
    small = ["--batch-size", 2, "--rounds", 1, "--iterations", 1]
    shown = tool("benchmarks/ddp_cost.py", *small).stdout
    for name in ("1 process", "2 processes, at once", "2 processes, DDP"):
        assert re.search(rf"^{name} .* ms a step, \d+\.\d{{3}} of ideal$", shown, re.MULTILINE)
    sent = re.findall(
        r"^(\w+): ([\d,]+) numbers a step, ([\d,]+) are trained$", shown, re.MULTILINE
    )
    assert sent == [("all_reduce", "19,810", "19,810")]


@pytest.mark.slow
def test_sharded_training_is_measured(tool: Tool, tmp_path: Path) -> None:
    script = ROOT / "tools/benchmarks/gpu_sharding.py"
    small = ["--work-dir", str(tmp_path), "--small", "--steps", "3", "--batch-size", "2"]
    one = dict(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", LOCAL_WORLD_SIZE="1")
    one |= dict(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()), CUDA_VISIBLE_DEVICES="-1")
    part = [*small, "--parts", "fsdp_teacher"]
    done = run_script(script, part, tmp_path, {**os.environ, "PYTHONPATH": str(ROOT), **one})
    assert done.returncode == 0, done.stdout[-2000:]
    assert json.loads((tmp_path / "fsdp_teacher/cost.json").read_text())["ms"] > 0
    assert (tmp_path / "fsdp_teacher/iter_3.pth").exists()
    if find_spec("deepspeed") is None:
        tool("benchmarks/gpu_sharding.py", *small, "--parts", "zero3_teacher")
        (zero,) = json.loads((tmp_path / "gpu_sharding.json").read_text())["parts"]
        assert zero["failed"] == "deepspeed is not installed"


def test_quickstart_says_what_it_lacks_before_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(sys, "argv", ["quickstart.py"])
    with pytest.raises(SystemExit, match="needs matplotlib: "):
        runpy.run_path(str(ROOT / "tools/quickstart.py"), run_name="__main__")


@pytest.mark.slow
def test_quickstart(tool: Tool, tmp_path: Path) -> None:
    """In a folder whose name MMEngine's ``--cfg-options`` would take apart."""
    done = tool("quickstart.py", "--quick", "--work-dir", "a b/c,d")
    assert "a single seed" in done.stdout
    for name in ("Teacher", "Student alone", "Student with KD", "Student with ER-KD"):
        assert f"\n{name}  " in done.stdout
    card = (tmp_path / "a b/c,d/model_card.html").read_text()
    assert "<h2>Gain by class</h2>" in card
    figure = tmp_path / "a b/c,d/quickstart.png"
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert len(done.stdout.splitlines()) < 30, "progress, not a flood"


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


@pytest.mark.slow
def test_speed_of_teachers(tool: Tool, tmp_path: Path) -> None:
    network, few = "mmkd::_base_/models/cifar/resnet8.py,2,32", ["--rounds", 1, "--iterations", 2]
    variants = ["--variants", "as written", "folded"]
    tool("benchmarks/teacher_speed.py", network, *few, *variants, "--out", "speed.md")
    seconds = json.loads((tmp_path / "speed.json").read_text())["seconds"]
    places = [f"resnet8, 2 images of 32 x 32, taps at @{role}" for role in ("logits", "stages")]
    assert [*seconds] == places
    assert all(len(values) == 2 for part in seconds.values() for values in part.values())
    page = (tmp_path / "speed.md").read_text()
    assert page.count("| as written |") == page.count("| folded |") == 2


@pytest.mark.slow
def test_the_check_for_a_gpu_runs_on_a_cpu(tool: Tool, tmp_path: Path) -> None:
    tool("benchmarks/gpu_check.py", "--device", "cpu", "--out", tmp_path, "--methods", "kd", "nokd")
    result = json.loads((tmp_path / "gpu_check.json").read_text())
    assert result["sweep"]["kd"] == dict(relative=0.0, synchronisations={})
    assert "nokd" in result["sweep"]["nokd"]
    assert {"mmkd", "KD by hand"} <= set(result["speed"]["kd, 4 images"])
    assert all(part["ms"] > 0 for part in result["speed"]["kd, 4 images"].values())
    assert set(result["teachers"]["8 images"]) == {"as written", "bfloat16"}


def test_step_times_of_two_releases_are_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine twice as fast changes times, not the ratio, which decides."""
    tool = str(ROOT / "tools/benchmarks/compare_step_times.py")
    old = dict(ratio=1.0, seconds=dict(student=0.1), peak_mb=dict(student=50.0))

    def compare(new: dict[str, object]) -> str:
        for name, results in (("old", {"a.py": old, "b.py": old}), ("new", new)):
            (tmp_path / name).write_text(json.dumps(dict(configs=results)))
        monkeypatch.setattr(sys, "argv", [tool, str(tmp_path / "old"), str(tmp_path / "new")])
        runpy.run_path(tool, run_name="__main__")
        return capsys.readouterr().out

    fast = old | dict(seconds=dict(student=0.05), ratio=1.04)
    said = compare({"a.py": fast, "b.py": old})
    assert "50.000      -50.0" in said
    assert "No ratio grew by more than 5 %; most a.py: +4.0 %." in said
    assert "only one file has it: b.py" in compare({"a.py": fast})
    with pytest.raises(SystemExit, match=r"more than 5 %: b\.py by 6\.0 %\."):
        compare({"a.py": old, "b.py": old | dict(ratio=1.06)})
    with pytest.raises(SystemExit, match="no config in common"):
        compare({"c.py": old})
    with pytest.raises(SystemExit, match=r"no result of step_time\.py"):
        compare({})


SMALL = ["--device", "cpu", "--batch-size", 4, "--seeds", 2]


@pytest.mark.slow
def test_small_images_on_a_gpu_are_measured_on_a_cpu(tool: Tool, tmp_path: Path) -> None:
    networks = ["--student", "resnet8", "--teacher", "resnet8"]
    few = [*SMALL, "--images", 16, "--steps", 2, "--workers", 0, "--manners", "float32"]
    tool("benchmarks/gpu_small_images.py", *few, *networks, "--out", tmp_path)
    result = json.loads((tmp_path / "gpu_small_images.json").read_text())
    parts = {"loop": 1, "one: float32": 1, "seeds: float32": 2, "stacked: float32": 2}
    assert {name: result[name]["models"] for name in parts} == parts
    for name in parts:
        seconds, speed = result[name]["seconds"], result[name]["images_per_second"]
        assert speed == pytest.approx(4 / seconds)
        assert result[name]["cell_minutes"] == pytest.approx(240 * 50_000 / speed / 60)
    # the same students, batches and loss, so that stacking changes nothing but rounding
    one, other = result["seeds: float32"]["loss"], result["stacked: float32"]["loss"]
    assert one == pytest.approx(other, rel=1e-3)


@pytest.mark.slow
def test_a_cell_of_cifar100_goes_on_where_its_time_was_over(tool: Tool, tmp_path: Path) -> None:
    for split, count in dict(train=8, test=4).items():
        images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        np.savez_compressed(tmp_path / f"{split}_0.npz", images=images, labels=np.arange(count))
    cell = ["--parts", tmp_path, "--pair", "resnet32x4_resnet8x4", "--methods", "kd", "eakd"]
    few = [*SMALL, *cell, "--epochs", 2, "--plain"]
    arguments = ["train", *few, "--state", tmp_path / "whole", "--out", tmp_path]
    tool("benchmarks/gpu_cifar100.py", *arguments)
    whole = json.loads((tmp_path / "gpu_cifar100.json").read_text())
    arguments = ["train", *few, "--state", tmp_path / "parts", "--out", tmp_path, "--minutes", 0]
    for done in ((1, None), (2, None), (2, 1), (2, 2)):
        tool("benchmarks/gpu_cifar100.py", *arguments)
        result = json.loads((tmp_path / "gpu_cifar100.json").read_text())
        assert (result["teacher"]["epochs"], result.get("students", {}).get("epochs")) == done
    for name in ("teacher", "students"):
        assert result[name]["accuracy"] == whole[name]["accuracy"]
    assert set(result["students"]["accuracy"]) == {"kd", "eakd"}
    for file in ("teacher/teacher_2.pth", "students/eakd_1_2.pth"):
        one, other = (
            torch.load(tmp_path / run / "resnet32x4_resnet8x4" / file)["state_dict"]
            for run in ("whole", "parts")
        )
        assert equal(one, other)
