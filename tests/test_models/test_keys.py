"""Keys of published checkpoints."""

import pytest
import torch
from published import REFERENCE, build

from mmkd.models.keys import (
    UnknownKeysError,
    classifier_keys,
    find_head,
    published_keys,
    with_batch_counts,
)


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
    entries = {"blocks.0": 1, "classifier.0.weight": 2, "classifier.0.bias": 3}
    converted = {"backbone.blocks.0": 1, "head.fc.weight": 2, "head.fc.bias": 3}
    assert classifier_keys(entries) == classifier_keys(entries, head="classifier.0") == converted


@pytest.mark.parametrize("name", REFERENCE)
def test_every_network_there_and_back(name: str) -> None:
    with torch.device("meta"):
        entries = build(name).state_dict()
    published = published_keys(entries)
    heads = dict(resnet="fc", wrn="fc", vgg="classifier", MobileNetV2="classifier.0")
    expected = next((heads[kind] for kind in heads if name.startswith(kind)), "linear")
    assert find_head(published) == expected
    assert list(classifier_keys(published).items()) == list(entries.items())


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["conv1.weight", "head.weight", "head.bias"], "this one none"),
        (["fc.weight"], "this one none"),
        (["fc.weight", "fc.bias", "linear.weight", "linear.bias"], "more than one \\(fc, linear"),
        (["backbone.conv1.weight", "head.fc.weight", "head.fc.bias"], "built here already"),
        (["student.conv1.weight", "student.fc.weight", "student.fc.bias"], "student.conv1.weight"),
        ([f"{i}" for i in range(30)], "0, 1, 2, 3, ... \\(30 in all"),
    ],
)
def test_other_keys_are_not_converted(entries: list[str], message: str) -> None:
    with pytest.raises(UnknownKeysError, match=message):
        classifier_keys(dict.fromkeys(entries, 0))


def test_a_checkpoint_without_the_head_asked_for_is_refused() -> None:
    with pytest.raises(UnknownKeysError, match="classifying layer 'fc'"):
        classifier_keys({"conv1.weight": 1, "linear.weight": 2}, head="fc")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["conv1.weight", "fc.weight", "fc.bias"], "not of a classifier"),
        (["backbone.stem.weight", "head.fc.weight"], "not of a classifier"),
        (["backbone.block0.0.weight"], "no entry of head.fc"),
        (["backbone.block0.0.weight", "head.fc.weight", "neck.fc.weight"], "neck.fc.weight"),
    ],
)
def test_other_keys_are_not_converted_back(entries: list[str], message: str) -> None:
    with pytest.raises(UnknownKeysError, match=message):
        published_keys(dict.fromkeys(entries, 0))


def test_batch_counts_that_old_checkpoints_lack() -> None:
    new = build("resnet8").state_dict()
    old = {key: value for key, value in new.items() if not key.endswith("num_batches_tracked")}
    assert len(old) < len(new)
    completed = with_batch_counts(old)
    assert list(completed) == list(new)
    assert all(torch.equal(completed[key], value) for key, value in new.items())
    assert with_batch_counts(new) == dict(new)
