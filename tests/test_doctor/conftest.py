"""A made-up environment for the doctor to examine."""

from collections.abc import Callable

import pytest

from mmkd.doctor.environment import Environment, Probe
from mmkd.doctor.supported import FAMILIES, NUMPY, TORCH, TORCHVISION

MakeEnvironment = Callable[..., Environment]


@pytest.fixture
def make_environment() -> MakeEnvironment:
    """Makes an environment in perfect health, but for what the arguments say.

    `versions` changes versions (`None`: not installed); `errors` maps a part of the probed code to
    the error that it ends with, `outputs` to what it prints.
    """

    def make(
        family: str = "onedl",
        python: tuple[int, int, int] = (3, 11, 7),
        versions: dict[str, str | None] | None = None,
        errors: dict[str, str] | None = None,
        outputs: dict[str, str] | None = None,
    ) -> Environment:
        packages = (TORCH, TORCHVISION, NUMPY, *FAMILIES.get(family, ()))
        installed: dict[str, str | None] = {package.name: package.version for package in packages}
        installed |= {"setuptools": "80.10.2", "scikit-learn": "1.9.1", "matplotlib": "3.11.2"}
        installed |= versions or {}

        def probe(code: str) -> Probe:
            for part, error in (errors or {}).items():
                if part in code:
                    return Probe(ok=False, error=error)
            default = {"device_count": '{"cpus": 2, "gpus": []}'}
            for part, output in (default | (outputs or {})).items():
                if part in code:
                    return Probe(ok=True, output=output)
            return Probe(ok=True)

        return Environment(python, "/env/bin/python", installed.get, probe)

    return make
