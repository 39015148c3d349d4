r"""Draw how similar the features of a trained student are to its teacher's, by linear CKA.

Each stage, level and pooled feature of the student is compared with each of the teacher's, on
validation images, with both networks in eval mode. A similarity of 1 means that the features are
equal up to rotation and scale. Example:

  python tools/analysis_tools/draw_similarity.py configs/quickstart/erkd_digits.py \
      work_dirs/erkd_digits/epoch_30.pth
"""

from argparse import Namespace
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmkd.visualization import draw_similarity, feature_similarity
from mmkd.visualization.drawing_tool import drawing_parser, open_distiller, run_drawing
from mmkd.visualization.similarity import BATCHES, similarity_batches

TOOL = "tools/analysis_tools/draw_similarity.py"


def parse_arguments() -> Namespace:
    parser = drawing_parser(__doc__)
    parser.add_argument("--teacher", help="which teacher, by default the first")
    parser.add_argument("--batches", type=int, default=BATCHES, help="how many validation batches")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/similarity.png"))
    return parser.parse_args()


def draw(arguments: Namespace) -> None:
    config, distiller = open_distiller(arguments)
    batches = similarity_batches(config, arguments.batches)
    similarity = feature_similarity(distiller, batches, arguments.teacher)
    figure = draw_similarity({Path(arguments.config).stem: similarity})
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=100)
    print(f"Wrote {arguments.out}")


if __name__ == "__main__":
    run_drawing(TOOL, draw, parse_arguments())
