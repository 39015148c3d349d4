r"""Write the model card of a trained student: one HTML file that needs no other files.

The card has the results, the calibration with a reliability diagram, size and speed, the teachers
and terms, the training curves, and the similarity of the student's features to those of each
teacher (CKA). For the similarity the teachers' weights have to be at the paths in the config.
--alone names the work folder of the same network trained without a teacher; the card then also
shows by class and by sample what distillation gained and lost.

Examples:
  python tools/analysis_tools/model_card.py work_dirs/erkd_my_student
  python tools/analysis_tools/model_card.py work_dirs/quickstart/erkd_seed0 \
      --alone work_dirs/quickstart/student_seed0
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.logging import MMLogger

from mmkd.benchmark.evaluated import evaluate_run
from mmkd.compat.archives import CheckpointError
from mmkd.compat.files import write_file
from mmkd.engine.safety import trust_argument
from mmkd.visualization.model_card import model_card

TOOL = "tools/analysis_tools/model_card.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="work folder of the run")
    parser.add_argument("--checkpoint", type=Path, help="by default the newest one in the folder")
    parser.add_argument("--alone", type=Path, help="work folder of the student without a teacher")
    parser.add_argument("--title", help="by default the name of the config")
    parser.add_argument("--out", type=Path, help="by default model_card.html in the work folder")
    trust_argument(parser, "the checkpoints")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    MMLogger.get_instance("mmengine", log_level="ERROR")  # without this all built parts are listed
    trust = arguments.trust_checkpoint
    try:
        run = evaluate_run(arguments.folder, arguments.checkpoint, trust)
        alone = None if arguments.alone is None else evaluate_run(arguments.alone, trust=trust)
        text = model_card(run, alone, arguments.title)
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")
    out = arguments.out or arguments.folder / "model_card.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    write_file(out, text.encode())
    print(f"Wrote {out}")


if __name__ == "__main__":
    main()
