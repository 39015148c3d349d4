"""Tools that measure what one part of mmkd costs, small."""

import json
import re
import runpy
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from tool_runs import ROOT, Tool

from mmkd.engine.runner import GUARDS


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
def test_the_cost_of_each_guard_is_measured(tool: Tool) -> None:
    said = tool("benchmarks/guard_cost.py", "--rounds", 1).stdout
    rows = re.findall(r"^(.{24}) *(\S+) us ", said, re.MULTILINE)
    found = {name.strip(): float(cost) for name, cost in rows}
    assert [*found] == [*GUARDS, "exact_resume, loading", "all"]
    whole = float(re.search(r"([\d.]+) ms", said)[1]) * 1e3
    assert found["all"] == pytest.approx(sum(found.values()) - found["all"], abs=1)
    assert all(cost < whole for cost in found.values())


def test_the_cost_of_seeding_is_measured(tool: Tool) -> None:
    said = tool("benchmarks/store_cost.py", "--seeding").stdout
    found = re.search(
        r"seeding: (\S+) us a sample, (\S+) us .* alone, \S+ us .* (\S+) us a step", said
    )
    in_batch, alone, step = map(float, found.groups())
    assert in_batch < alone < 10 * step, "alone, each sample has all of its generators seeded"


@pytest.mark.slow
def test_cohort_cost(tool: Tool) -> None:
    small = ["--members", 2, "--batch-size", 4, "--rounds", 1]
    assert "2 students, float32, batch 4" in tool("benchmarks/cohort_cost.py", *small).stdout
    stacked = tool("benchmarks/cohort_cost.py", *small, "--stacked").stdout
    assert "one by one" in stacked
    assert "stacked" in stacked


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
def test_speed_of_teachers(tool: Tool, tmp_path: Path) -> None:
    network, few = "mmkd::_base_/models/cifar/resnet8.py,2,32", ["--rounds", 1, "--iterations", 2]
    variants = ["--variants", "as written", "bfloat16, channels_last, folded"]
    tool("benchmarks/teacher_speed.py", network, *few, *variants, "--out", "speed.md")
    seconds = json.loads((tmp_path / "speed.json").read_text())["seconds"]
    places = [f"resnet8, 2 images of 32 x 32, taps at @{role}" for role in ("logits", "stages")]
    assert [*seconds] == places
    for part in seconds.values():
        assert [*part] == [*variants[1:], "bfloat16, folded and compiled, by torch alone"]
        assert all(len(values) == 2 for values in part.values())
    page = (tmp_path / "speed.md").read_text()
    assert page.count("| as written |") == page.count(" by torch alone |") == 2
