"""One small config of each family in a package of OpenMMLab."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

# Names of small networks, the smallest first, for metafiles that count no parameters.
SMALL = (
    "atto",
    "nano",
    "xxs",
    "tiny",
    "_t_",
    "-t_",
    "small",
    "r18",
    "-s_",
    "_s_",
    "mobilenet",
    "r50",
)
# The stock network of each package that is a family's teacher or student.
PARTNERS = {
    "mmpretrain": "mmpretrain::resnet/resnet18_8xb32_in1k.py",
    "mmdet": "mmdet::retinanet/retinanet_r18_fpn_1x_coco.py",
    "mmseg": "mmseg::pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py",
}
# Parts of a model's config that may say how many classes there are.
HEADS = ("head", "bbox_head", "decode_head", "auxiliary_head")
# Height and width of the images for segmentation networks. They accept any size, and would
# otherwise pad each image to the size of their training crop.
SMALL_SIZE = (64, 64)
# Of families whose head averages windows of a fixed size, 49 positions at stride 8.
LARGER_SIZES = {"mobilenet_v3": (400, 400)}
# Settings of networks that name a file of weights, besides `init_cfg`.
FILES = ("pretrained", "teacher_ckpt")
# Words in the names of configs that need more than the images and labels of their task, or that
# train a family's proposals alone: others of their family are preferred.
SPECIAL = ("deploy", "instaboost", "lvis", "openimages", "objects365", "o365", "v3det", "semi")
SPECIAL += ("levir", "rpn_r", "rpn_x")


def families(package: str) -> dict[str, str]:
    """Return the path of one config by family, for families whose model can be distilled.

    Args:
        package: ``'mmpretrain'``, whose configs count if their model is a classifier with classes;
            ``'mmdet'``, whose configs count if their model is a detector of single images; or
            ``'mmseg'``, whose configs count if their model has a decode head.
    """
    root = path_of(f"{package}::")
    chosen = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != "_"):
        for path in sorted(folder.rglob("*.py"), key=_rank(folder)):
            if _counts(package, path):
                chosen[folder.name] = f"{package}::{path.relative_to(root)}"
                break
    # Configs that fine-tune the network of another family come last.
    return dict(sorted(chosen.items(), key=lambda item: "/benchmarks/" in item[1]))


def path_of(config: str) -> Path:
    """Return the file of a config by its name.

    MMEngine would read all metafiles of the package, for each name anew.
    """
    package, _, name = config.partition("::")
    return Path(str(import_module(package).__file__)).parent / ".mim" / "configs" / name


def untrained(config: str, classes_of: str | None = None) -> dict[str, Any]:
    """Return the spec of a config's network with random weights.

    Args:
        config: Name of the config.
        classes_of: Name of another config, whose number of classes, and size, the network gets.
    """
    model = Config.fromfile(path_of(config)).model
    changed = _without_files(model)
    if "decode_head" in model:
        size = size_of(classes_of or config)
        if "img_size" in model.get("backbone", {}):
            changed.setdefault("backbone", {})["img_size"] = size
        if "size_divisor" not in model.get("data_preprocessor", {}):
            changed["data_preprocessor"] = dict(size=size)
    if classes_of is not None and (classes := _classes(Config.fromfile(path_of(classes_of)).model)):
        for head in HEADS:
            if head in model:
                changed[head] = changed.get(head, {}) | dict(num_classes=classes)
    return dict(config=str(path_of(config)), **changed)


def _without_files(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes by which parts of a model are not initialised from files, at any depth."""
    changed: dict[str, Any] = {}
    for name, value in settings.items():
        if name in FILES or (name == "init_cfg" and "checkpoint" in str(value)):
            changed[name] = None
        elif isinstance(value, Mapping) and (inner := _without_files(value)):
            changed[name] = inner
    return changed


def size_of(config: str) -> tuple[int, int]:
    """Return the height and width of the images for a segmentation network."""
    return LARGER_SIZES.get(Path(config.partition("::")[2]).parts[0], SMALL_SIZE)


def _classes(model: Any) -> int | None:
    """Return the number of classes in a model's config."""
    for name in (*HEADS, "backbone"):
        part = model.get(name)
        if isinstance(part, list):  # stages of a cascade
            part = part[-1]
        if isinstance(part, dict) and "num_classes" in part:
            return int(part["num_classes"])
    return None


def _rank(folder: Path) -> Any:
    """Return the order in which a family's configs are tried: small networks first."""
    sizes: dict[str, int] = {}
    for metafile in folder.glob("metafile.y*ml"):
        content = yaml.safe_load(metafile.read_text(encoding="utf-8")) or []
        # Some files are a list of models, the others a dict that has it.
        models = content if isinstance(content, list) else content.get("Models")
        for model in models or []:
            metadata = model.get("Metadata") or {}
            size = metadata.get("FLOPs") or metadata.get("Parameters")
            if isinstance(size, int) and "Config" in model:
                sizes[Path(str(model["Config"])).name] = size

    def rank(path: Path) -> tuple[Any, ...]:
        name = path.stem
        small = next((place for place, word in enumerate(SMALL) if word in name), len(SMALL))
        special = any(word in name for word in SPECIAL)
        # A family's own training configs come before those that fine-tune a part of it.
        depth = len(path.relative_to(folder).parts)
        return special, sizes.get(path.name, 10**15), small, depth, len(name), name

    return rank


def _counts(package: str, path: Path) -> bool:
    try:
        config = Config.fromfile(path)
    except Exception:  # a file that MMEngine cannot read, or one that needs a missing package
        return False
    model = config.get("model") or {}
    kind = model.get("type", "")
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    if package == "mmpretrain":
        classifies = name.rpartition(".")[-1] == "ImageClassifier" and bool(model.get("head"))
        return classifies and _classes(model) is not None
    if package == "mmseg":
        return "decode_head" in model
    heads = ("roi_head", "bbox_head", "mask_head", "panoptic_head", "rpn_head")
    return any(head in model for head in heads) and "train_dataloader" in config
