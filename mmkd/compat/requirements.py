"""Messages about packages that mmkd requires."""

import sys
from importlib.util import find_spec


def require_mmengine() -> None:
    """Check that MMEngine can be imported.

    Raises:
        ModuleNotFoundError: If it cannot; the message names the commands that install it.
    """
    if find_spec("mmengine") is None:
        raise ModuleNotFoundError(
            "mmkd needs MMEngine, and setup leaves the choice of its family to you. Install the "
            "maintained packages with `pip install --no-build-isolation 'mmkd[onedl]'` or the "
            "original ones with `pip install --no-build-isolation 'mmkd[openmmlab]'`, after "
            "torch (mmcv is compiled against it). From a clone, `bash tools/setup.sh` does it all.",
            name="mmengine",
        )


def being_examined() -> bool:
    """Return whether this process is the doctor, which must also start in a broken environment."""
    words = sys.orig_argv
    return ("-m", "mmkd", "doctor") in zip(words, words[1:], words[2:], strict=False)
