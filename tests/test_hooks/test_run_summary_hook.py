"""mmkd.RunSummaryHook, and the counts that it shows."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from mmengine.config import Config
from runs import (
    checkpoints,
    config,
    convnet,
    distiller,
    equal,
    loader,
    log_text,
    validation,
    weights,
)
from tiny import classifier
from torch import Tensor, nn

from mmkd.engine import SafeRunner
from mmkd.hooks import run_summary_hook
from mmkd.hooks.run_summary import duration
from mmkd.networks.complexity import multiply_adds, parameter_count, short

HINT = dict(loss=dict(type="mmkd.HintLoss"), student="@map", teacher="@map", weight=2.0)
KD = dict(
    loss=dict(type="mmkd.KDLoss"),
    sample_weight=dict(type="mmkd.EntropyWeight"),
    weight=0.5,
    schedule=dict(begin=1),
)


def trained(work_dir: Path, model: dict[str, Any] | None = None, **overrides: Any) -> SafeRunner:
    settings = config(work_dir, model, log_level="INFO", **{**checkpoints(), **overrides})
    settings.default_hooks.run_summary = overrides.get("summary", dict(type="mmkd.RunSummaryHook"))
    given = Config(
        settings.to_dict(), cfg_text="# a test", filename=str(work_dir / "given" / "my_config.py")
    )
    runner = SafeRunner.from_cfg(given)
    runner.train()
    return runner


def test_the_first_block_says_what_will_happen(tmp_path: Path) -> None:
    model = distiller(terms=dict(kd=KD, hint=HINT), student_loss_weight=0.1, student=convnet())
    data = dict(test_pipeline=[dict(type="CenterCrop", crop_size=16)])  # the size of the images
    log = log_text(trained(tmp_path, model, **data, **validation()))
    begin = log[log.index("This run\n") :].split(" - mmengine")[0]
    lines = dict(re.findall(r"^  (\w[\w ]*?)  +(.*)$", begin, re.M))
    # 8 * 27 + 8 and 8 * 72 + 8 of the convolutions, 8 * 5 + 5 of the head.
    student = re.fullmatch(
        r"ImageClassifier, 853 parameters, (.*) multiply-adds on 3x16x16", lines["student"]
    )
    assert student is not None
    assert "teacher: ImageClassifier" in begin
    assert "0.1 x the student's own losses" in begin
    assert (
        "0.5 x loss_kd: KDLoss, EntropyWeight; head.fc beside head.fc; by Schedule(begin=1" in begin
    )
    assert "2 x loss_hint: HintLoss; " in begin
    assert lines["data"] == "TinyImages, 16 samples, 8 a batch and process"
    assert lines["length"] == "2 epochs of 2 iterations"
    assert lines["folder"] == str(tmp_path)


def test_the_last_block_has_the_result_the_files_and_the_next_command(tmp_path: Path) -> None:
    log = log_text(trained(tmp_path, **validation()))
    end = log[log.index("This run has ended") :]
    student = tmp_path / "epoch_2_student.pth"
    assert "2 epochs, 4 iterations, in " in end
    assert re.search(r"last result +accuracy/top1 [\d.]+\n", end)
    assert str(tmp_path / "epoch_2.pth") in end
    assert f"python tools/test.py {tmp_path / 'my_config.py'} {student}" in end
    assert log.index("This run has ended") > log.index("Saving checkpoint at 2 epochs")


def test_a_plain_config_has_both_blocks_too(tmp_path: Path) -> None:
    log = log_text(trained(tmp_path, convnet(), custom_hooks=[]))
    assert re.search(r"  model +ImageClassifier, 853 parameters", log)
    assert "objective" not in log
    assert "This run has ended" in log


def test_each_member_of_a_cohort_is_named(tmp_path: Path) -> None:
    members = {
        "small": dict(student=convnet(), terms=dict(kd=KD), input_shape=(3, 16, 16)),
        "big": dict(student=convnet(16), terms=dict(hint=HINT), input_shape=(3, 16, 16)),
    }
    model = dict(type="mmkd.Cohort", members=members, teacher=dict(model=classifier(6)))
    log = log_text(trained(tmp_path, model))
    assert re.search(r"  student small +ImageClassifier, 853 parameters", log)
    assert re.search(r"  objective big +2 x loss_hint", log)
    assert log.count("teacher: ImageClassifier") == 1
    assert str(tmp_path / "epoch_2_big_student.pth") in log


def test_the_expected_time_is_that_of_the_iterations_left(tmp_path: Path) -> None:
    endless = loader(endless=True)
    loop = dict(type="IterBasedTrainLoop", max_iters=9)
    summary = dict(type="mmkd.RunSummaryHook", measured=2)
    run = trained(
        tmp_path, train_dataloader=endless, train_cfg=loop, summary=summary, default_hooks={}
    )
    [line] = [text for text in log_text(run).splitlines() if "s an iteration: the run" in text]
    seconds, more = re.search(
        r"(\S+) s an iteration: the run takes about (\d+) s more", line
    ).groups()
    left = 9 - 3  # the first iteration warms up, the next two are measured
    assert int(more) == pytest.approx(left * float(seconds), abs=0.51)


def test_training_notices_nothing_of_it(tmp_path: Path) -> None:
    model = distiller(student=convnet(dropout=0.5))
    with_it = trained(tmp_path / "with", model)
    without = trained(tmp_path / "without", model, summary=None)
    assert equal(weights(with_it), weights(without))


def test_a_failure_in_a_summary_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_at(place: str) -> Callable[..., None]:
        def fail(*arguments: object) -> None:
            raise KeyError(place)

        return fail

    for place in ("beginning", "ending"):
        monkeypatch.setattr(run_summary_hook, place, fail_at(place))
    runner = trained(tmp_path)
    assert runner.iter == 4
    for place in ("beginning", "ending"):
        assert f"There is no summary of the run: KeyError: '{place}'" in log_text(runner)


class Untraceable(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        raise RuntimeError("not today")


def test_multiply_adds_are_counted_without_a_trace_of_it() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.Dropout(0.5)).train()
    network[1].eval()
    state = torch.random.get_rng_state()
    assert multiply_adds(network, torch.zeros(1, 3, 8, 8)) == 3 * 4 * 9 * 64
    assert [module.training for module in network.modules()] == [True, True, False]
    assert torch.equal(state, torch.random.get_rng_state())
    assert multiply_adds(Untraceable(), torch.zeros(1, 3, 8, 8)) is None


def test_only_what_is_trained_is_counted_as_trained() -> None:
    network = nn.Linear(3, 2)
    network.bias.requires_grad_(False)
    assert (parameter_count(network), parameter_count(network, trained=True)) == (8, 6)


@pytest.mark.parametrize(
    ("number", "text"), [(12, "12"), (1384, "1.38 k"), (11.69e6, "11.7 M"), (1.5e9, "1.5 G")]
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.2, "3 s"), (62, "1 min 02 s"), (3660, "1 h 01 min")]
)
def test_times_are_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text
