"""The configs in the tree, by the task that their dataset sets. Names end with the dataset."""

from pathlib import Path

ROOT = Path(__file__).parents[1] / "configs"
ALL = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("*/*.py") if p.parts[-2] != "_base_")
DETECTION = [name for name in ALL if name.endswith(("_coco.py", "_scenes.py"))]
CLASSIFICATION = [name for name in ALL if name not in DETECTION]
