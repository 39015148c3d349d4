r"""Draw a term's effect on each sample: its weights, temperature and adjusted target.

The samples are those of the first training batches. Both networks are in eval mode.

Example:
  python tools/analysis_tools/draw_samples.py configs/quickstart/erkd_digits.py \
      work_dirs/erkd_digits/epoch_30.pth --batches 20
"""

from argparse import Namespace
from itertools import islice
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.runner import set_random_seed

from mmkd.engine.launch import complete_loaders
from mmkd.loading import build_loader
from mmkd.visualization import collect_samples, draw_samples
from mmkd.visualization.drawing_tool import drawing_parser, open_distiller, run_drawing

TOOL = "tools/analysis_tools/draw_samples.py"


def parse_arguments() -> Namespace:
    parser = drawing_parser(__doc__, "of classifiers")
    parser.add_argument("--term", help="by default the first")
    parser.add_argument("--batches", type=int, default=50, help="how many training batches")
    parser.add_argument("--seed", type=int, default=0, help="of their order and augmentation")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/samples.png"))
    return parser.parse_args()


def draw(arguments: Namespace) -> None:
    config, distiller = open_distiller(arguments)
    complete_loaders(config, ("train_dataloader",))
    set_random_seed(arguments.seed)
    loader = build_loader(config.train_dataloader, seed=arguments.seed)
    name = arguments.term or next(iter(distiller.terms))
    samples = collect_samples(distiller, islice(loader, arguments.batches), name)
    title = f"{Path(arguments.config).parent.name}: {len(samples.labels)} samples, term {name!r}"
    figure = draw_samples(samples, title, loader.dataset.metainfo.get("classes", ()))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=100)
    print(f"Wrote {arguments.out}")


if __name__ == "__main__":
    run_drawing(TOOL, draw, parse_arguments())
