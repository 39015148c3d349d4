"""Checks of the installed versions against the supported table, without importing anything."""

import re

from mmkd.doctor.environment import Environment
from mmkd.doctor.finding import Finding, Level
from mmkd.doctor.supported import (
    BUILD_TOOLS,
    FAMILIES,
    NUMPY,
    PYTHONS,
    SEGMENTATION,
    TORCH,
    TORCHVISION,
    Package,
)


def major_minor(version: str) -> tuple[int, int]:
    """Return the first two numbers of a version, such as (2, 13) of ``2.13.0+cpu``."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def compare(env: Environment, package: Package, why: str = "") -> Finding:
    """Return a finding on an installed package: a supported version, or an untested one."""
    found = env.version(package.name)
    text = f"{package.name} {found} (supported: {package.version})"
    if found is not None and found.partition("+")[0] == package.version:
        return Finding(Level.OK, text)
    return Finding(
        Level.WARNING, f"{text}: not tested. {why}".rstrip(), f"{env.pip} install {package.pin}"
    )


def install_family(env: Environment, family: str) -> str:
    """Return the command that installs a family and its build requirements in the right order."""
    pins = " ".join(package.pin for package in (TORCHVISION, *FAMILIES[family]))
    return (
        f"{env.pip} install {TORCH.pin} {BUILD_TOOLS} && "
        f"{env.pip} install --no-build-isolation {pins}"
    )


def check_python(env: Environment) -> list[Finding]:
    """Check the version of Python."""
    found = ".".join(map(str, env.python))
    supported = ", ".join(f"{major}.{minor}" for major, minor in PYTHONS)
    text = f"Python {found} (supported: {supported})"
    if env.python[:2] in PYTHONS:
        return [Finding(Level.OK, text)]
    return [Finding(Level.BROKEN, text, "PYTHON=python3.12 bash tools/setup.sh --venv .venv-3.12")]


def check_torch(env: Environment) -> list[Finding]:
    """Check that torch is installed, in the version that mmcv compiles with."""
    found = env.version(TORCH.name)
    if found is None:
        return [Finding(Level.BROKEN, "torch is not installed", f"{env.pip} install {TORCH.pin}")]
    newer = major_minor(found) > major_minor(TORCH.version)
    return [compare(env, TORCH, "mmcv does not compile with torch 2.14." if newer else "")]


def check_numpy(env: Environment) -> list[Finding]:
    """Check that numpy is installed, and old enough for the stack."""
    found = env.version(NUMPY.name)
    if found is None:
        return [Finding(Level.BROKEN, "numpy is not installed", f"{env.pip} install {NUMPY.pin}")]
    newer = major_minor(found) > major_minor(NUMPY.version)
    return [compare(env, NUMPY, "onedl-mmdetection's imaug needs numpy < 2.3." if newer else "")]


def check_mixture(env: Environment) -> list[Finding]:
    """Check that only one family is installed, because both install the same modules."""
    if not env.families:
        text = "Neither family of OpenMMLab packages is installed; this installs the maintained one"
        return [Finding(Level.BROKEN, text, install_family(env, "onedl"))]
    if len(env.families) == 1:
        return [Finding(Level.OK, f"One family of packages: {env.families[0]}")]
    packages = [package.name for family in FAMILIES.values() for package in family]
    mixed = [f"{name} {env.version(name)}" for name in packages if env.version(name)]
    text = f"Two families that overwrite each other's files: {', '.join(mixed)}"
    remove = f"{env.pip} uninstall -y {' '.join(packages)}"
    return [Finding(Level.BROKEN, text, f"{remove}; {install_family(env, 'onedl')}")]


def check_packages(env: Environment) -> list[Finding]:
    """Check the packages of the installed family, or of both."""
    findings = []
    for package in (package for family in env.families for package in FAMILIES[family]):
        if env.has(package):
            findings.append(compare(env, package))
        elif env.installed(package.module) is None:
            findings.append(_absent(env, package))
    return findings


def _absent(env: Environment, package: Package) -> Finding:
    needed = package.module == "mmengine" or (
        package.module == "mmcv" and any(map(env.installed, ("mmpretrain", "mmdet")))
    )
    text = f"{package.name} is not installed" + ("" if needed else "; mmkd works without it")
    level = Level.BROKEN if needed else Level.NOTE
    return Finding(level, text, f"{env.pip} install --no-build-isolation {package.pin}")


def check_setuptools(env: Environment) -> list[Finding]:
    """Check setuptools: the original family imports pkg_resources, which setuptools dropped."""
    found = env.version("setuptools")
    if "openmmlab" not in env.families:
        return []
    if found is not None and major_minor(found) < (81, 0):
        return [Finding(Level.OK, f"setuptools {found} (supported: < 81)")]
    text = f"setuptools {found or 'is not installed'}: the original family needs one below 81"
    return [Finding(Level.BROKEN, text, f"{env.pip} install 'setuptools<81'")]


def check_segmentation(env: Environment) -> list[Finding]:
    """Check the package of segmentation networks, which is optional."""
    if env.has(SEGMENTATION):
        return [compare(env, SEGMENTATION)]
    if "onedl" not in env.families:
        return []
    text = f"{SEGMENTATION.name} is not installed; only segmentation needs it"
    return [Finding(Level.NOTE, text, f"{env.pip} install {SEGMENTATION.pin}")]


def check_quickstart(env: Environment) -> list[Finding]:
    """Check the packages that only the quickstart needs."""
    missing = [name for name in ("scikit-learn", "matplotlib") if env.version(name) is None]
    if not missing:
        return []
    text = f"{' and '.join(missing)} not installed: tools/quickstart.py needs it"
    return [Finding(Level.NOTE, text, f"{env.pip} install {' '.join(missing)}")]
