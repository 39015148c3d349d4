"""Write the metafiles of the method folders, and the model index, which mim reads.

Their content comes from the configs and from each folder's `literature.yml`. The metafile of the
quickstart is written by hand, because it lists trained weights; the index names it.

Examples:
  python tools/docs/metafiles.py
  python tools/docs/metafiles.py --check
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import yaml
from method_collections import Collection, LiteratureError, data_of, read_collections
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python tools/docs/metafiles.py"
BY_HAND = ["configs/quickstart/metafile.yml"]
ABOUT = f"# Written by `{COMMAND}`: change the configs or literature.yml, not this file.\n"


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of configs/")
    parser.add_argument("--check", action="store_true", help="fail if a file is not up to date")
    return parser.parse_args()


def metadata(path: Path) -> dict[str, Any]:
    """Return the training settings of a config."""
    config = Config.fromfile(path, import_custom_modules=False)
    data, schedule = data_of(path.stem), config.train_cfg
    if data == "MS-COCO":
        if "max_iters" in schedule:
            return {"Training Data": data, "Schedule": f"{schedule.max_iters // 1000}k iterations"}
        name = "1x" if schedule.max_epochs == 12 else f"{schedule.max_epochs} epochs"
        return {"Training Data": data, "Schedule": name}
    batch = config.auto_scale_lr.base_batch_size
    return {"Training Data": data, "Epochs": schedule.max_epochs, "Batch Size": batch}


def metafile(method: Collection, root: Path) -> dict[str, Any]:
    """Return the content of a method's metafile."""
    head: dict[str, Any] = {
        "Name": method.name,
        "Metadata": {"Architecture": method.architecture},
    }
    if method.paper:
        head["Paper"] = dict(zip(("Title", "URL"), method.paper, strict=True))
    head["README"] = str((method.folder / "README.md").relative_to(root))
    models = [
        {
            "Name": f"{method.folder.name}_{path.stem}",
            "In Collection": method.name,
            "Config": str(path.relative_to(root)),
            "Metadata": metadata(path),
        }
        for path in method.configs
    ]
    return {"Collections": [head], "Models": models}


def written(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of each file."""
    files = [name for name in BY_HAND if (root / name).is_file()]
    for method in read_collections(root / "configs"):
        path = method.folder / "metafile.yml"
        files.append(str(path.relative_to(root)))
        yield path, ABOUT + dump(metafile(method, root))
    yield root / "model-index.yml", ABOUT + dump({"Import": sorted(files)})


def dump(content: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=100)
    return text


def main() -> None:
    arguments = parse_arguments()
    try:
        files = dict(written(arguments.root.resolve()))
    except LiteratureError as error:
        sys.exit(f"tools/docs/metafiles.py: {error}")
    stale = [p for p, text in files.items() if not p.exists() or p.read_text() != text]
    if arguments.check and stale:
        names = ", ".join(str(path.relative_to(arguments.root.resolve())) for path in stale)
        sys.exit(f"Not up to date: {names}. Write them anew: {COMMAND}")
    for path in stale:
        path.write_text(files[path])


if __name__ == "__main__":
    main()
