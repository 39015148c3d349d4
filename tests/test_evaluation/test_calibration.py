"""The metric of calibration, as mmengine's evaluator runs it."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS

from mmkd.evaluation import Calibration
from mmkd.evaluation.functional import expected_calibration_error

SAMPLES = [((0.75, 0.25), 0), ((0.75, 0.25), 1), ((0.4, 0.6), 1), ((0.0, 1.0), 1)]


def as_dicts(
    samples: list[tuple[tuple[float, ...], int]], dtype: torch.dtype
) -> list[dict[str, Any]]:
    return [
        dict(pred_score=torch.tensor(score, dtype=dtype), gt_label=torch.tensor([label]))
        for score, label in samples
    ]


def evaluate(samples: list[dict[str, Any]], batch: int = 3, **options: Any) -> dict[str, float]:
    metric = Calibration(**options)
    for start in range(0, len(samples), batch):
        metric.process(None, samples[start : start + batch])
    result: dict[str, float] = metric.evaluate(len(samples))
    return result


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_by_hand(dtype: torch.dtype) -> None:
    entropy = [0.25 * math.log(4) + 0.75 * math.log(4 / 3)] * 2
    entropy += [-0.4 * math.log(0.4) - 0.6 * math.log(0.6), 0]
    expected = {
        # bins: {0.75, 0.75} is right half the time, {0.6} and {1.0} always
        "calibration/ece": (2 * 0.25 + 0.4 + 0) / 4,
        "calibration/nll": (math.log(4 / 3) + math.log(4) - math.log(0.6) + 0) / 4,
        "calibration/entropy": sum(entropy) / 4,
        "calibration/overconfidence": (0.75 + 0.75 + 0.6 + 1) / 4 - 0.75,
        "calibration/wrong_confidence": 0.75,
    }
    tolerance = 2e-3 if dtype in (torch.float16, torch.bfloat16) else 1e-6
    assert evaluate(as_dicts(SAMPLES, dtype)) == pytest.approx(expected, abs=tolerance)


def test_confidence_of_wrong_predictions_is_left_out_where_there_are_none() -> None:
    result = evaluate(as_dicts(SAMPLES[:1], torch.float32))
    assert set(result) == {f"calibration/{k}" for k in ("ece", "nll", "entropy", "overconfidence")}
    assert result["calibration/ece"] == 0.25 == -result["calibration/overconfidence"]


def test_batches_and_order_do_not_matter() -> None:
    samples = as_dicts(SAMPLES, torch.float32)
    whole = evaluate(samples, batch=4)
    assert evaluate(samples[::-1], batch=1) == pytest.approx(whole)


def test_a_broken_model_shows_as_nan() -> None:
    result = evaluate(as_dicts([*SAMPLES, ((math.nan, math.nan), 0)], torch.float32))
    assert math.isnan(result["calibration/nll"])
    assert math.isnan(result["calibration/ece"])


def test_logits_are_refused() -> None:
    with pytest.raises(ValueError, match="output of a softmax"):
        evaluate(as_dicts([((4.0, -2.0), 0)], torch.float32))


def test_items_bins_and_prefix() -> None:
    result = evaluate(as_dicts(SAMPLES, torch.float32), items=["ece"], num_bins=1, prefix="student")
    assert result == {"student/ece": pytest.approx(0.025)}


@pytest.mark.parametrize(
    ("options", "message"), [(dict(items=["mce"]), "mce"), (dict(num_bins=0), "at least 1")]
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Calibration(**options)


def test_with_mmpretrains_data_samples_beside_accuracy() -> None:
    structures = pytest.importorskip("mmpretrain.structures")
    samples = [
        structures.DataSample().set_pred_score(s["pred_score"]).set_gt_label(s["gt_label"])
        for s in as_dicts(SAMPLES, torch.float32)
    ]
    evaluator = Evaluator(
        [dict(type="mmpretrain.Accuracy"), METRICS.build(dict(type="mmkd.Calibration"))]
    )
    evaluator.process(samples)
    result = evaluator.evaluate(len(samples))
    assert result["accuracy/top1"] == 75
    assert result["calibration/overconfidence"] == pytest.approx(0.025)


def rank(index: int) -> None:
    """One of two processes, with every second sample and one that the sampler has padded."""
    dist.init_process_group(
        "gloo", init_method=f"file://{Path.cwd()}/store", rank=index, world_size=2
    )
    mine = SAMPLES[:3][index::2] + ([SAMPLES[0]] if index == 1 else [])
    metric = Calibration()
    metric.process(None, as_dicts(mine, torch.float64))
    Path(f"{index}.json").write_text(json.dumps(metric.evaluate(3)))
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    # In tmp_path, since mmengine collects through files in the working directory.
    processes = [
        subprocess.Popen([sys.executable, __file__, str(i)], cwd=tmp_path, env=environment)
        for i in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    alone = evaluate(as_dicts(SAMPLES[:3], torch.float64))
    for i in range(2):
        assert json.loads((tmp_path / f"{i}.json").read_text()) == pytest.approx(alone)


if __name__ == "__main__":
    rank(int(sys.argv[1]))


@pytest.mark.parametrize("bins", [5, 15])
def test_the_error_is_that_of_torchmetrics(bins: int) -> None:
    classification = pytest.importorskip("torchmetrics.functional.classification")
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(300, 4, generator=generator).softmax(1)
    labels = torch.randint(4, (300,), generator=generator)
    theirs = classification.multiclass_calibration_error(scores, labels, 4, n_bins=bins)
    confidence, predicted = scores.max(1)
    ours = expected_calibration_error(confidence, predicted == labels, bins)
    assert float(ours) == pytest.approx(float(theirs), abs=1e-6)
