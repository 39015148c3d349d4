"""The primary metric of a comparison, and the columns of its table."""

import pytest

from mmkd.benchmark.columns import column_of, columns_of, default_metric, notes_of


def test_the_primary_metric_follows_from_the_evaluator() -> None:
    calibration = dict(type="mmkd.Calibration")
    assert default_metric([calibration, dict(type="Accuracy")]) == "accuracy/top1"
    assert default_metric(dict(type="mmdet.VOCMetric")) == "pascal_voc/mAP"
    with pytest.raises(ValueError, match=r"evaluated by Calibration: .* by --metric KEY"):
        default_metric(calibration)


def test_known_metrics_have_their_columns_and_others_stand_alone() -> None:
    logged = {"data_time": [1.0], "calibration/ece": [0.1], "accuracy/top1": [60.0]}
    columns = columns_of(logged)
    assert [column.title for column in columns] == ["accuracy %", "ECE %"]
    assert len(notes_of(columns)) == 1
    assert [column.title for column in columns_of({"psnr": [20.0]})] == ["psnr"]
    assert column_of("calibration/ece").factor == 100
