"""The metric of agreement with a teacher."""

import math
from typing import Any

import pytest
import torch

from mmkd.evaluation import TeacherAgreement

STUDENT = [(0.5, 0.5, 0.0), (0.25, 0.5, 0.25), (0.0, 0.0, 1.0)]
TEACHER = [(1.0, 0.0, 0.0), (0.25, 0.5, 0.25), (0.0, 1.0, 0.0)]
SATURATED = -math.log(torch.finfo(torch.float32).tiny)


def samples(dtype: torch.dtype = torch.float32, **teachers: Any) -> list[dict[str, Any]]:
    return [
        dict(
            pred_score=torch.tensor(STUDENT[i], dtype=dtype),
            teacher_scores={
                name: torch.tensor(scores[i], dtype=dtype) for name, scores in teachers.items()
            },
        )
        for i in range(3)
    ]


def evaluate(data_samples: list[dict[str, Any]], **options: Any) -> dict[str, float]:
    metric = TeacherAgreement(**options)
    metric.process(None, data_samples[:2])
    metric.process(None, data_samples[2:])
    result: dict[str, float] = metric.evaluate(len(data_samples))
    return result


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_by_hand_with_saturated_probabilities(dtype: torch.dtype) -> None:
    result = evaluate(samples(dtype, teacher=TEACHER))
    assert result["teacher/agreement"] == pytest.approx(2 / 3)
    assert result["teacher/kl"] == pytest.approx((math.log(2) + 0 + SATURATED) / 3)


def test_equal_networks() -> None:
    assert evaluate(samples(a=STUDENT)) == {"teacher/agreement": 1, "teacher/kl": 0}


def test_one_of_several_teachers() -> None:
    both = samples(a=STUDENT, b=TEACHER)
    assert evaluate(both, teacher="a", prefix="a")["a/agreement"] == 1
    assert evaluate(both, teacher="b", items=["agreement"]) == {
        "teacher/agreement": pytest.approx(2 / 3)
    }


@pytest.mark.parametrize("teacher", [None, "c"])
def test_an_unclear_teacher_is_said_in_words(teacher: str | None) -> None:
    with pytest.raises(KeyError, match="one of: a, b"):
        evaluate(samples(a=STUDENT, b=TEACHER), teacher=teacher)


def test_missing_scores_are_said_in_words() -> None:
    with pytest.raises(KeyError, match="predict_teachers=True"):
        evaluate(samples())
    with pytest.raises(KeyError, match="predict_teachers=True"):
        evaluate([dict(pred_score=torch.tensor([0.5, 0.5]))])


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="teacher predicts 2 classes, the student 3"):
        evaluate(samples(a=[(0.5, 0.5)] * 3))


def test_unknown_items_are_refused() -> None:
    with pytest.raises(ValueError, match="there are agreement, kl"):
        TeacherAgreement(items=["accuracy"])
