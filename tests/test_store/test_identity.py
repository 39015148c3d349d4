"""Hashes of a data set, which stores and runs are compared by."""

import noisy_runs  # noqa: F401
import numpy as np
import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset

from mmkd.store.identity import of_index


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
        )
        for label in labels
    ]


def test_the_index_is_the_same_in_another_folder():
    assert of_index(Listed(entries())) == of_index(Listed(entries("/elsewhere/images")))


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given.reverse(),
        lambda given: given.pop(),
        lambda given: given[1].update(gt_label=2),
        lambda given: given[1].update(img_path="/data/train/dog/1.png"),
        lambda given: given[1].update(box=np.array([1.0, 3.0])),
    ],
    ids=["order", "length", "label", "name", "array"],
)
def test_the_index_sees_a_change(change):
    changed = entries()
    change(changed)
    assert of_index(Listed(changed)) != of_index(Listed(entries()))


@pytest.mark.parametrize(
    "wrap", [lambda data: RepeatDataset(data, 2), lambda data: ConcatDataset([data, data])]
)
def test_the_index_of_a_wrapped_data_set_sees_a_change(wrap):
    data = wrap(Listed(entries()))
    assert of_index(data) == of_index(wrap(Listed(entries("/elsewhere"))))
    assert of_index(data) != of_index(wrap(Listed(entries(labels=(0, 2, 1)))))


def test_data_without_an_index_have_their_length():
    assert of_index([1, 2]) == of_index([3, 4]) != of_index([1, 2, 3])
