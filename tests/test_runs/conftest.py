"""Set-up of the tests here, each of which starts its runs itself."""

from runs import separate_runs  # noqa: F401
