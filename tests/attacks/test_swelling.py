"""No file takes many times its size in memory."""

import pickle
import resource

import numpy as np
import pytest
import torch
from attacks.hostile import SWELLING
from mmengine.logging import HistoryBuffer

from mmkd.compat.archives import SwellingCheckpointError
from mmkd.compat.checkpoints import load_checkpoint
from mmkd.compat.pickles import load_plain_pickle

MEGABYTES = 1 << 10  # of ru_maxrss, which is in kilobytes


@pytest.mark.parametrize("bomb", SWELLING, ids=lambda bomb: bomb.__name__)
def test_a_file_that_swells_is_refused_before_it_fills_memory(tmp_path, bomb):
    path = tmp_path / "bomb.pth"
    bomb(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SwellingCheckpointError, match=r"Refused to load .*bomb\.pth"):
        load_checkpoint(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * MEGABYTES


def test_a_large_checkpoint_with_a_long_log_does_not_swell(tmp_path):
    values = np.random.default_rng(0).normal(size=300_000)
    buffers = {f"loss_{index}": HistoryBuffer(values, values) for index in range(3)}
    content = dict(state_dict=dict(weight=torch.ones(1_000_000)), log=buffers, text="a" * 1_000_000)
    torch.save(content, tmp_path / "epoch_1.pth")
    assert load_checkpoint(tmp_path / "epoch_1.pth")["log"]["loss_2"].current() == values[-1]


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_of_arrays_lists_and_bytes_loads_as_it_is(tmp_path, protocol):
    images = np.arange(3072, dtype=np.uint8).reshape(1, 3072)
    content = {b"data": images, b"fine_labels": [3, 4], "names": ["a", b"b"]}
    (tmp_path / "train").write_bytes(pickle.dumps(content, protocol=protocol))
    loaded = load_plain_pickle(tmp_path / "train")
    assert np.array_equal(loaded[b"data"], images)
    assert loaded[b"fine_labels"] == [3, 4]
    assert loaded["names"] == ["a", b"b"]
