"""Each test here starts runs of its own."""

from runs import separate_runs  # noqa: F401
