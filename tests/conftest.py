"""What every test needs before anything else is imported."""

import os

# Read by torch when it is imported. With more threads than idle cores a step takes many times as
# long; and losses differ slightly between thread counts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import mmkd  # noqa: F401  its remedies come before any import of torchvision
