r"""Draw values that training runs logged over time, such as entropies or a controller's alpha.

Examples:
  python tools/analysis_tools/draw_curves.py work_dirs/erkd_digits --keys accuracy/top1 loss_kd
  python tools/analysis_tools/draw_curves.py KD=work_dirs/kd_digits ER-KD=work_dirs/erkd_digits \
      --keys entropy/student+entropy/teacher
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from mmkd.visualization import draw_curves

TOOL = "tools/analysis_tools/draw_curves.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "runs", nargs="+", metavar="[NAME=]FOLDER", help="work folders of tools/train.py"
    )
    parser.add_argument(
        "--keys",
        nargs="+",
        required=True,
        help="entries of the log, a panel each; entries joined by '+' share a panel",
    )
    parser.add_argument("--out", type=Path, default=Path("work_dirs/curves.png"))
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    runs = {}
    for run in arguments.runs:
        name, _, folder = run.rpartition("=")
        runs[name or Path(folder).name] = Path(folder)
    try:
        figure = draw_curves(runs, arguments.keys)
    except ValueError as error:
        sys.exit(f"{TOOL}: {error}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=100)
    print(f"Wrote {arguments.out}")


if __name__ == "__main__":
    main()
