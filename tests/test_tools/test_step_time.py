"""Tools that measure training steps, and compare their times."""

import json
import runpy
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from tool_runs import ROOT, Tool, run_tool

CONFIGS = ROOT / "configs/quickstart"


@pytest.mark.slow
def test_step_time(tool: Tool, tmp_path: Path) -> None:
    small = ["--batch-size", 4, "--rounds", 2, "--iterations", 3]
    configs = [CONFIGS / "erkd_digits.py", CONFIGS / "kd_digits.py"]
    small += ["--against", configs[1]]
    done = tool("benchmarks/step_time.py", *configs, *small, "--out", "time.json")
    found = json.loads((tmp_path / "time.json").read_text())
    assert [*found["configs"]] == [str(config) for config in configs]
    result = found["configs"][str(configs[0])]
    seconds, memory = result["seconds"], result["peak_mb"]
    assert set(seconds) == set(memory) == {"student", "teacher", "distillation", "against"}
    assert result["against"] == pytest.approx(seconds["distillation"] / seconds["against"])
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
