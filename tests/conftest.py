"""Preparation of every test before anything else is imported, and checks for what a test leaves."""

import os

# Read by torch when it is imported. With more threads than idle cores a step takes many times as
# long; and losses differ slightly between thread counts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import mmkd  # noqa: F401  its remedies come before any import of torchvision

# isort: split
import random
from collections.abc import Iterator
from types import SimpleNamespace

import mmengine.dataset.base_dataset
import mmengine.runner.runner
import pytest
from mmengine.registry import DefaultScope
from mmengine.runner.utils import set_random_seed


@pytest.fixture(autouse=True, scope="session")
def quick_runs() -> Iterator[None]:
    """Runs leave out what takes long in a process of many tests, and changes no result.

    MMEngine collects garbage for each data set, half a second, and describes the machine.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmengine.dataset.base_dataset, "gc", SimpleNamespace(collect=lambda: 0))
        patch.setattr(mmengine.runner.runner, "collect_env", dict)
        yield


@pytest.fixture(autouse=True, scope="module")
def random_numbers_of_a_modules_fixtures() -> None:
    """The same ones, whichever tests ran before."""
    set_random_seed(0)


@pytest.fixture(autouse=True)
def no_trace_of_another_test() -> Iterator[None]:
    """The same random numbers for each test, and no default scope, which runs leave behind."""
    set_random_seed(0)
    yield
    DefaultScope._instance_dict.clear()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--random-order", type=int, metavar="SEED", help="run tests in another order")


def pytest_configure() -> None:
    # Some tests run pytest in projects that know no option of this file.
    os.environ.pop("PYTEST_ADDOPTS", None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle the files and the tests in each, so that none can rely on one before it."""
    seed = config.getoption("--random-order")
    if seed is not None:
        generator = random.Random(seed)
        place = {path: generator.random() for path in sorted({item.path for item in items})}
        generator.shuffle(items)
        items.sort(key=lambda item: place[item.path])


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.getoption("--random-order")
    return None if seed is None else f"order of tests: --random-order={seed}"
