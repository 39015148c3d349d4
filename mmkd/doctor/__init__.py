"""``python -m mmkd doctor``: is this environment fit for mmkd?

Nothing here imports more than the standard library: the doctor has to run where nothing else does.
"""

from mmkd.doctor.cli import main

__all__ = ["main"]
