"""``python -m mmkd doctor``: check whether the environment is fit for mmkd.

This package imports only the standard library, because the doctor has to run when nothing else
does.
"""

from mmkd.doctor.cli import main

__all__ = ["main"]
