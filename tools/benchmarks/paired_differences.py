"""Print the paired differences of a table of compare_methods.py, against any of its rows.

The rows and the baseline are chosen after the runs, so that the output only describes a table. The
decisions are those of the rule on the table's own page.

Example:
  python tools/benchmarks/paired_differences.py docs/benchmarks/all_methods.json --baseline kd \
      --rows erkd eakd
"""

import json
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmkd.benchmark.columns import column_of, columns_of
from mmkd.benchmark.comparison import difference_lines
from mmkd.benchmark.statistics import Rule, differences


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, help="JSON file of a table")
    parser.add_argument("--baseline", required=True, help="row that the others are compared with")
    parser.add_argument("--rows", nargs="+", help="the other rows, by default all but the teacher")
    parser.add_argument("--metric", help="key of a metric in the log, by default the first column")
    parser.add_argument("--smaller-is-better", action="store_true", help="of this metric")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    result = json.loads(arguments.result.read_text())
    outcomes = result["outcomes"]
    rows = arguments.rows or [name for name in outcomes if name not in ("teacher",)]
    rows = [arguments.baseline, *(name for name in rows if name != arguments.baseline)]
    if unknown := [name for name in rows if name not in outcomes]:
        sys.exit(f"paired_differences.py: no rows {unknown}; there are {', '.join(outcomes)}.")
    logged = outcomes[rows[0]][0]["metrics"]
    column = columns_of(logged)[0] if arguments.metric is None else column_of(arguments.metric)
    rule = Rule(
        metric=column.metric,
        title=column.title,
        factor=column.factor,
        greater=not arguments.smaller_is_better,
        baseline=arguments.baseline,
        against=(),
        margin=0.0,
        seeds=tuple(result["seeds"]),
    )
    values = {name: column.values(outcomes[name]) for name in rows}
    print(f"Differences in {column.title}, better ones positive, corrected for {len(rows) - 1}:\n")
    print("\n".join(difference_lines(differences(values, rule, rows), column.digits)))


if __name__ == "__main__":
    main()
