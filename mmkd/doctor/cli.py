"""Command that runs the checks and prints their findings."""

import argparse
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from mmkd.doctor import imports, versions
from mmkd.doctor.environment import Environment, current_environment
from mmkd.doctor.finding import Finding, Level
from mmkd.doctor.weights import check_weights
from mmkd.version import __version__

CHECKS: tuple[Callable[[Environment], list[Finding]], ...] = (
    versions.check_python,
    versions.check_torch,
    versions.check_numpy,
    versions.check_mixture,
    versions.check_packages,
    versions.check_setuptools,
    versions.check_segmentation,
    versions.check_quickstart,
    imports.check_opencv,
    imports.check_torchvision,
    imports.check_mmcv_ops,
    imports.check_modules,
    imports.check_devices,
)


def examine(env: Environment) -> Iterable[Finding]:
    """Yield all findings of the checks, in the order of the checks, each as soon as it is known."""
    with ThreadPoolExecutor(max_workers=2) as pool:  # imports in processes take most of the time
        for findings in pool.map(lambda check: check(env), CHECKS):
            yield from findings


def report(findings: Iterable[Finding], as_json: bool = False) -> int:
    """Print the findings, and return the exit code: 1 if something is broken."""
    if as_json:
        rows = [{**vars(finding), "level": finding.level.name} for finding in findings]
        print(json.dumps(rows, indent=2))
        return int(any(row["level"] == Level.BROKEN.name for row in rows))
    counts = dict.fromkeys(Level, 0)
    for finding in findings:
        counts[finding.level] += 1
        print(f"{finding.level.value:>8}  {finding.text}", flush=True)
        if finding.remedy:
            print(f"{'':>8}    {finding.remedy}", flush=True)
    broken, warnings = counts[Level.BROKEN], counts[Level.WARNING]
    print(f"{broken} broken, {warnings} warning(s)")
    return int(broken > 0)


def main(arguments: list[str] | None = None) -> int:
    """Run the command ``python -m mmkd doctor``, and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m mmkd doctor",
        description="Examines the environment that mmkd runs in, and prints for each problem the "
        "command that mends it. The exit code is 1 if something is broken.",
    )
    parser.add_argument(
        "--weights", action="store_true", help="ask only which sources of weights can be reached"
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    given = parser.parse_args(arguments)
    if given.weights:
        return report(check_weights(), given.json)
    env = current_environment()
    if not given.json:
        print(f"mmkd {__version__} with {env.executable}", flush=True)
    return report(examine(env), given.json)
