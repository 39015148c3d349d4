"""Loading of a data set's pickles without executing code in them."""

import pickle
from pathlib import Path
from typing import Any

from mmkd.compat.archives import check_pickle

# Functions that pickles of arrays call, under their names in numpy 1 and 2; `encode` is for bytes
# in old pickles.
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
    """Error for a pickle with more than arrays, lists, dicts, numbers, bytes and strings."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in ALLOWED:
            raise UnsafePickleError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def load_plain_pickle(path: str | Path, encoding: str = "latin1") -> Any:
    """Load a pickle of arrays, lists, dicts, numbers, bytes and strings, and of nothing else.

    Args:
        path: The file.
        encoding: Encoding of strings that Python 2 wrote; ``'bytes'`` keeps them as bytes.

    Raises:
        UnsafePickleError: If the pickle contains anything else, so that loading it could execute
            code.
        BrokenCheckpointError: If it would grow to many times its size.
        pickle.UnpicklingError, EOFError: If the file is no pickle, or is cut off.
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
