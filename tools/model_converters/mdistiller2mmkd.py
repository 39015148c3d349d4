r"""Convert a published CIFAR checkpoint for the models of configs/_base_/models/cifar/, or back.

Published checkpoints have the key layout of RepDistiller and mdistiller: dict(model=weights) or the
weights alone. A checkpoint of mmkd is dict(state_dict=weights), in mmpretrain's key layout.

Examples:
  python tools/model_converters/mdistiller2mmkd.py resnet32x4_vanilla/ckpt_epoch_240.pth \
      resnet32x4.pth
  python tools/model_converters/mdistiller2mmkd.py my_student.pth published.pth --reverse
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.runner import save_checkpoint

from mmkd.compat.archives import CheckpointError
from mmkd.compat.checkpoints import load_checkpoint
from mmkd.engine.safety import trust_argument
from mmkd.models.keys import (
    UnknownKeysError,
    classifier_keys,
    find_head,
    published_keys,
    with_batch_counts,
)
from mmkd.teachers.weights import read_state_dict

TOOL = "tools/model_converters/mdistiller2mmkd.py"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("src", help="checkpoint to read: a file, or an address")
    parser.add_argument("dst", type=Path, help="file to write")
    parser.add_argument(
        "--reverse", action="store_true", help="from the layout used here to the published one"
    )
    trust_argument(parser, "SRC")
    return parser.parse_args()


def convert(src: str, dst: Path, reverse: bool, trust: bool) -> str:
    """Write ``dst``, and return a description of what was done."""
    if dst.resolve() == Path(src).expanduser().resolve() or dst.is_dir():
        raise ValueError(f"{dst} is {'a folder' if dst.is_dir() else 'the file to read'}")
    weights = read_state_dict(load_checkpoint(src, trust), src)
    if reverse:
        published = published_keys(weights)
        checkpoint = dict(model=published)
    else:
        published = with_batch_counts(weights)
        checkpoint = dict(state_dict=classifier_keys(published))
    head = find_head(published)
    save_checkpoint(checkpoint, str(dst))  # as a whole, with its checksum
    classes = len(published[f"{head}.bias"])
    return f"Wrote {dst}: {len(published)} entries, {classes} classes, published head '{head}'."


def main() -> None:
    arguments = parse_arguments()
    try:
        words = convert(arguments.src, arguments.dst, arguments.reverse, arguments.trust_checkpoint)
    except UnknownKeysError as error:
        sys.exit(f"{TOOL}: {arguments.src}: {error}")
    except (CheckpointError, OSError, ValueError) as error:
        sys.exit(f"{TOOL}: {error}")
    print(words)


if __name__ == "__main__":
    main()
