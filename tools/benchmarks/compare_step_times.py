r"""Compare two results of step_time.py, such as those of two releases.

The measure of overhead is the time of a distillation step, divided by that of the student's step
plus the teachers' forward, because this ratio hardly depends on the machine. Times and memory are
printed as well. The exit code is 1 if a config's ratio grew by more than --limit. Example:

  python tools/benchmarks/step_time.py configs/erkd/resnet20_resnet8_w8_fmnist8k.py \
      --out work_dirs/step_time.json
  python tools/benchmarks/compare_step_times.py docs/benchmarks/step_time_0.1.0.json \
      work_dirs/step_time.json
"""

import json
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

TOOL = "tools/benchmarks/compare_step_times.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="JSON file of the earlier version")
    parser.add_argument("new", type=Path, help="JSON file of the later one")
    parser.add_argument(
        "--limit", type=float, default=5.0, help="growth of the ratio that is allowed, in %%"
    )
    return parser.parse_args()


def read(path: Path) -> dict[str, Any]:
    """Return the results by config in a file of step_time.py.

    Raises:
        ValueError: If the file is no result of step_time.py.
    """
    results: dict[str, Any] = json.loads(path.read_text()).get("configs", {})
    if not results:
        raise ValueError(f"{path} is no result of step_time.py: it has no 'configs'.")
    return results


def lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return a table of a config's two results, with the growth in percent."""
    rows = {"ratio to student + teachers": (old["ratio"], new["ratio"])}
    for part in old["seconds"].keys() & new["seconds"].keys():
        rows[f"{part}, ms"] = old["seconds"][part] * 1e3, new["seconds"][part] * 1e3
        rows[f"{part}, peak MB"] = old["peak_mb"][part], new["peak_mb"][part]
    table = [f"{'':30} {'old':>10} {'new':>10} {'growth %':>10}"]
    for name, (before, after) in sorted(rows.items()):
        table.append(f"{name:30} {before:10.3f} {after:10.3f} {growth(before, after):+10.1f}")
    return table


def growth(before: float, after: float) -> float:
    """Return by how much a number grew, in percent."""
    return 100 * (after / max(before, 1e-9) - 1)


def main() -> None:
    arguments = parse_arguments()
    try:
        old, new = read(arguments.old), read(arguments.new)
    except (OSError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")
    shared = [name for name in old if name in new]
    if not shared:
        sys.exit(f"{TOOL}: {[*old]} and {[*new]} have no config in common: measure the same ones.")
    for name in shared:
        print("\n".join([name, *lines(old[name], new[name]), ""]))
    for name in old.keys() ^ new.keys():
        print(f"Not compared, because only one file has it: {name}")
    grown = {name: growth(old[name]["ratio"], new[name]["ratio"]) for name in shared}
    slower = [f"{name} by {by:.1f} %" for name, by in grown.items() if by > arguments.limit]
    if slower:
        sys.exit(f"The ratio grew by more than {arguments.limit:g} %: {', '.join(slower)}.")
    worst = max(grown, key=lambda name: grown[name])
    print(f"No ratio grew by more than {arguments.limit:g} %; most {worst}: {grown[worst]:+.1f} %.")


if __name__ == "__main__":
    main()
