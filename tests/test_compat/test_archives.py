"""Damaged checkpoints are recognised before anything in them is used."""

import random

import pytest
import torch

from mmkd.compat.archives import BrokenCheckpointError, check_file
from mmkd.compat.checkpoints import load_checkpoint
from mmkd.compat.files import write_weights

CONTENT = dict(state_dict=dict(weight=torch.arange(2000.0), bias=torch.ones(3)), meta=dict(epoch=3))


@pytest.fixture
def path(tmp_path):
    torch.save(CONTENT, tmp_path / "teacher.pth")
    return tmp_path / "teacher.pth"


def same(loaded) -> bool:
    weights, expected = loaded["state_dict"], CONTENT["state_dict"]
    return loaded["meta"] == CONTENT["meta"] and all(
        torch.equal(weights[name], expected[name]) for name in expected
    )


def damaged(content: bytes, generator: random.Random) -> bytes:
    """Flip a bit, cut the end off, overwrite a stretch, or drop one."""
    kind, place = generator.randrange(4), generator.randrange(len(content))
    if kind == 0:
        flipped = bytes([content[place] ^ 1 << generator.randrange(8)])
        return content[:place] + flipped + content[place + 1 :]
    if kind == 1:
        return content[:place]
    length = generator.randrange(1, 200)
    middle = generator.randbytes(length) if kind == 2 else b""
    return content[:place] + middle + content[place + length :]


def test_one_flipped_bit_of_a_weight_is_found(path):
    content = bytearray(path.read_bytes())
    place = content.index(torch.tensor(1234.0).numpy().tobytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert not same(torch.load(path)), "torch loads it, silently wrong"
    with pytest.raises(BrokenCheckpointError, match=r"teacher\.pth is damaged: the checksum of"):
        load_checkpoint(path)


def fuzzed(path, count: int) -> list[str]:
    """Damage a checkpoint again and again; returns how each was told, or that it was wrong."""
    good = path.read_bytes()
    generator = random.Random(0)
    told = []
    for _ in range(count):
        path.write_bytes(damaged(good, generator))
        try:
            told.append("equal" if same(load_checkpoint(path)) else "silently wrong")
        except BrokenCheckpointError as error:
            told.append("refused" if str(path) in str(error) else "refused without its name")
    return told


def test_a_thousand_damaged_checkpoints_are_refused_in_words_or_load_equal(path):
    told = fuzzed(path, 1000)
    assert set(told) == {"equal", "refused"}
    assert told.count("refused") > 500


def test_a_file_without_checksums_of_its_own_has_one_beside_it(path):
    torch.save(CONTENT, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    write_weights(path, content)
    check_file(path)
    place = content.index(torch.tensor(1234.0).numpy().tobytes())
    path.write_bytes(content[:place] + b"\1" + content[place + 1 :])
    with pytest.raises(
        BrokenCheckpointError, match=r"its SHA-256 is \w{64}, and teacher\.pth\.sha"
    ):
        load_checkpoint(path)


@pytest.mark.parametrize("torn", [b"", b"0123", b"\xff\xfe"])
def test_a_torn_checksum_is_none(path, torn):
    path.with_name("teacher.pth.sha256").write_bytes(torn)
    assert same(load_checkpoint(path))
