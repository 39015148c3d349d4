"""Reading a data set's pickles without executing what is in them."""

import pickle
from pathlib import Path
from typing import Any

from mmkd.compat.archives import check_pickle

# What arrays are pickled by, under the names of numpy 1 and 2; `encode` is how bytes are in old
# pickles.
ALLOWED = {
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.numeric._frombuffer",
    "numpy._core.numeric._frombuffer",
    "numpy.ndarray",
    "numpy.dtype",
    "_codecs.encode",
}


class UnsafePickleError(pickle.UnpicklingError):
    """A pickle holds more than arrays, lists, dicts, numbers, bytes and strings."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in ALLOWED:
            raise UnsafePickleError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def load_plain_pickle(path: str | Path, encoding: str = "latin1") -> Any:
    """Load a pickle of arrays, lists, dicts, numbers, bytes and strings, and of nothing else.

    Args:
        path: The file.
        encoding: How strings that Python 2 wrote are read; ``'bytes'`` leaves them bytes.

    Raises:
        UnsafePickleError: If it holds anything else, and loading it could execute code.
        BrokenCheckpointError: If it would unfold to many times its size.
        pickle.UnpicklingError, EOFError: If it is no pickle, or cut off.
    """
    check_pickle(path)
    with open(path, "rb") as file:
        try:
            return _PlainUnpickler(file, encoding=encoding).load()
        except UnsafePickleError as error:
            raise UnsafePickleError(
                f"Refused to load {path}: {error}, which a file of data has no use for, and which "
                "could execute code. Download the data again from where its authors publish it."
            ) from None
