"""Hashes of a data set, which stores and runs are compared by."""

from functools import partial

import noisy_runs  # noqa: F401
import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset

from mmkd.store import identity


class Listed(BaseDataset):
    """Data set of a list of entries."""

    def __init__(self, entries):
        self.entries = entries
        super().__init__(serialize_data=True)

    def load_data_list(self):
        return self.entries


def entries(root="/data/train", labels=(0, 1, 2)):
    return [
        dict(
            img_path=f"{root}/cat/{label}.png",
            seg_map_path=f"{root}/maps/{label}.png",
            box=np.array([label, 2.0]),
            gt_label=label,
            instances=[dict(bbox=[0.0, 0.0, 8.0, 9.5], bbox_label=0)],
            mask=torch.ones(2),
        )
        for label in labels
    ]


@pytest.fixture(params=[False, True], ids=["spread", "whole"])
def of_index(request):
    return partial(identity.of_index, whole=request.param)


def test_the_index_is_the_same_in_another_folder(of_index):
    assert of_index(Listed(entries())) == of_index(Listed(entries("/elsewhere/images")))


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given.reverse(),
        lambda given: given.pop(),
        lambda given: given[1].update(gt_label=2),
        lambda given: given[1].update(img_path="/data/train/dog/1.png"),
        lambda given: given[1].update(box=np.array([1.0, 3.0])),
        lambda given: given[1]["instances"][0].update(bbox=[0.0, 0.0, 8.0, 9.25]),
        lambda given: given[1].update(mask=torch.zeros(2)),
    ],
    ids=["order", "length", "label", "name", "array", "box", "tensor"],
)
def test_the_index_sees_a_change(of_index, change):
    changed = entries()
    change(changed)
    assert of_index(Listed(changed)) != of_index(Listed(entries()))


@pytest.mark.parametrize(
    "wrap", [lambda data: RepeatDataset(data, 2), lambda data: ConcatDataset([data, data])]
)
def test_the_index_of_a_wrapped_data_set_sees_a_change(of_index, wrap):
    data = wrap(Listed(entries()))
    assert of_index(data) == of_index(wrap(Listed(entries("/elsewhere"))))
    assert of_index(data) != of_index(wrap(Listed(entries(labels=(0, 2, 1)))))


def test_data_without_an_index_have_their_length(of_index):
    assert of_index([1, 2]) == of_index([3, 4]) != of_index([1, 2, 3])


def test_a_whole_index_leaves_no_entry_out(monkeypatch):
    """A store's hash reads some of a large index; a run is compared by all entries."""
    monkeypatch.setattr(identity, "INDEXED", 2)
    before, changed = (Listed(entries(labels=labels)) for labels in ((0, 1, 2), (0, 3, 2)))
    assert identity.of_index(before) == identity.of_index(changed)
    assert identity.of_index(before, whole=True) != identity.of_index(changed, whole=True)


def test_equal_entries_have_one_hash_however_they_came_about():
    """A string that Python keeps once, and another of the same letters."""
    kept, made = "left", "".join(["le", "ft"])
    one, other = entries(), entries()
    one[0]["sides"], other[0]["sides"] = [kept, kept], [made, "".join(["lef", "t"])]
    assert identity.of_index(Listed(one), whole=True) == identity.of_index(
        Listed(other), whole=True
    )
