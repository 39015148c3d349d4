"""Keys of published checkpoints."""

import pytest

from mmkd.models.keys import classifier_keys


def test_head_and_backbone() -> None:
    converted = classifier_keys(
        {"conv1.weight": 1, "layer1.0.fcx": 2, "fc.weight": 3, "fc.bias": 4}
    )
    assert list(converted.items()) == [
        ("backbone.conv1.weight", 1),
        ("backbone.layer1.0.fcx", 2),
        ("head.fc.weight", 3),
        ("head.fc.bias", 4),
    ]


def test_nested_head() -> None:
    converted = classifier_keys({"blocks.0": 1, "classifier.0.bias": 2}, head="classifier.0")
    assert converted == {"backbone.blocks.0": 1, "head.fc.bias": 2}


def test_a_checkpoint_without_that_head_is_refused() -> None:
    with pytest.raises(KeyError, match="classifying layer 'fc'"):
        classifier_keys({"conv1.weight": 1, "linear.weight": 2})
