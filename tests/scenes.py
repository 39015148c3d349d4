"""Scenes of digits in COCO's files, for tests. Importing mmdet takes seconds."""

import runpy
from argparse import Namespace
from pathlib import Path
from typing import Any

TOOL = Path(__file__).parents[1] / "tools/dataset_tools/make_scenes_coco.py"


def write_scenes(folder: Path, **arguments: Any) -> Path:
    """Write a few scenes by the tool, with its arguments, and return the folder."""
    few = dict(images="digits", train=8, val=1, size=128, seed=0, coco_names=False)
    make = runpy.run_path(str(TOOL))["make"]
    make(Namespace(out=folder, **{**few, **arguments}))
    return folder
