r"""Draw a term's effect on each sample: weights, temperatures, adjusted targets.

The samples come from the first training batches. Both networks are in eval mode.

Example:
  python tools/analysis_tools/draw_samples.py configs/quickstart/erkd_digits.py \
      work_dirs/erkd_digits/epoch_30.pth --batches 20
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
from mmengine.runner import set_random_seed

from mmkd.compat.archives import CheckpointError
from mmkd.engine.launch import complete_loaders
from mmkd.engine.safety import trust_argument
from mmkd.loading import build_loader
from mmkd.visualization import collect_samples, draw_samples, trained_distiller

TOOL = "tools/analysis_tools/draw_samples.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path or name of a distillation config of classifiers")
    parser.add_argument("checkpoint", help="checkpoint of the distillation run or of its student")
    parser.add_argument("--term", help="by default the first")
    parser.add_argument("--batches", type=int, default=50, help="how many training batches")
    parser.add_argument("--seed", type=int, default=0, help="of their order and augmentation")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/samples.png"))
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="as of tools/train.py")
    trust_argument(parser)
    return parser.parse_args()


def draw(arguments: Namespace) -> None:
    config = Config.fromfile(arguments.config)
    config.merge_from_dict(arguments.cfg_options or {})
    init_default_scope(config.get("default_scope", "mmpretrain"))
    distiller = trained_distiller(config, arguments.checkpoint, arguments.trust_checkpoint)
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


def main() -> None:
    arguments = parse_arguments()
    MMLogger.get_instance("mmengine", log_level="ERROR")  # without this all built parts are listed
    try:
        draw(arguments)
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")


if __name__ == "__main__":
    main()
