r"""Draw how similar the features of a trained student are to its teacher's, by linear CKA.

Each stage, level and pooled feature of the student is compared with each of the teacher, on
validation images, both networks in eval mode. 1 means equal up to rotation and scale. Example:

  python tools/analysis_tools/draw_similarity.py configs/quickstart/erkd_digits.py \
      work_dirs/erkd_digits/epoch_30.pth
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from itertools import islice
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config, DictAction
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmkd.benchmark.evaluated import validation_loader
from mmkd.compat.archives import CheckpointError
from mmkd.engine.safety import trust_argument
from mmkd.visualization import draw_similarity, feature_similarity, trained_distiller

TOOL = "tools/analysis_tools/draw_similarity.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path or name of a distillation config")
    parser.add_argument("checkpoint", help="checkpoint of the distillation run or of its student")
    parser.add_argument("--teacher", help="which teacher, by default the first")
    parser.add_argument("--batches", type=int, default=20, help="how many validation batches")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/similarity.png"))
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="as of tools/train.py")
    trust_argument(parser)
    return parser.parse_args()


def draw(arguments: Namespace) -> None:
    config = Config.fromfile(arguments.config)
    config.merge_from_dict(arguments.cfg_options or {})
    init_default_scope(config.get("default_scope", "mmpretrain"))
    distiller = trained_distiller(config, arguments.checkpoint, arguments.trust_checkpoint)
    batches = islice(validation_loader(config), arguments.batches)
    similarity = feature_similarity(distiller, batches, arguments.teacher)
    figure = draw_similarity(similarity, Path(arguments.config).stem)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=100)
    print(f"Wrote {arguments.out}")


def main() -> None:
    arguments = parse_arguments()
    MMLogger.get_instance("mmengine", log_level="ERROR")  # without this all built parts are listed
    try:
        draw(arguments)
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")


if __name__ == "__main__":
    main()
