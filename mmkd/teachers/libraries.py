"""Networks of other libraries as teachers: timm, torchvision, transformers and torch.hub."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mmkd.arguments import did_you_mean
from mmkd.networks.dry_run import in_words
from mmkd.teachers.class_names import Names
from mmkd.teachers.opened import Opened
from mmkd.teachers.renormalize import Pixels

FORMS = "timm:NAME, torchvision:NAME, hf:NAME_OR_FOLDER, hub:REPOSITORY:NAME"
WEIGHT_FILES = ("*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True)
class Request:
    """Network that a user names by its library.

    Attributes:
        library: Key of :data:`LIBRARIES`.
        name: Name in the library.
        pretrained: Whether to load the weights that the library has for the name, by the library's
            own download. ``None`` loads weights only from a local folder that the name stands for,
            and downloads nothing.
        arguments: Further arguments of the library's function that builds the network.
        trust: Whether the code of a repository may run.
    """

    library: str
    name: str
    pretrained: bool | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    trust: bool = False

    def __str__(self) -> str:
        return f"{self.library}:{self.name}"


def of_library(spec: Any) -> bool:
    """Return whether a network's description names it by a library, such as ``'timm:resnet18'``."""
    return isinstance(spec, str) and "::" not in spec and spec.partition(":")[0] in LIBRARIES


def is_local(spec: str) -> bool:
    """Return whether a network's name, such as ``'hf:FOLDER'``, is a local folder with weights."""
    library, _, name = spec.partition(":")
    return library == "hf" and _holds_weights(_folder(name))


def rooted(spec: str) -> str:
    """Return the name of a library's network, with a local folder in it as an absolute path."""
    library, _, name = spec.partition(":")
    folder, mark, entry = name.rpartition(":") if library == "hub" else (name, "", "")
    if library not in ("hf", "hub") or not _folder(folder).is_dir():
        return spec
    return f"{library}:{_folder(folder).resolve()}{mark}{entry}"


def check_library(spec: str) -> None:
    """Check that a network's library is installed and has it, as far as no download is needed.

    Raises:
        ModuleNotFoundError: If the library is not installed.
        ValueError: If the library has no such network.
    """
    library, _, name = spec.partition(":")
    if library == "timm":
        _check_timm(name)
    elif library == "torchvision":
        _check_torchvision(name)
    elif library == "hf":
        _import("transformers")


def open_library(request: Request) -> Opened:
    """Build a network by its library.

    Raises:
        ModuleNotFoundError: If the library is not installed.
        ValueError: If the library has no such network, or cannot build it or load its weights. The
            message says what to do.
    """
    return LIBRARIES[request.library](request)


def _import(package: str) -> Any:
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(
            f"The teacher comes from {package}, which is not installed: `pip install {package}`.",
            name=package,
        ) from error


@contextmanager
def _building(request: Request) -> Iterator[None]:
    """Turn any exception of a library into a ``ValueError`` that says what to do."""
    try:
        yield
    except Exception as error:
        remedy = "Correct its name or the teacher's `arguments`."
        if request.library == "hub":
            remedy = "Name a local clone of the repository: hub:FOLDER:NAME."
        elif request.library == "hf":
            remedy = "Without a network, name the folder of a downloaded model: hf:FOLDER."
        if request.pretrained:
            remedy = (
                "Without a network, download its weights elsewhere and name the file in place of "
                "`pretrained`, as the teacher's checkpoint"
                f"{', or the folder: hf:FOLDER.' if request.library == 'hf' else '.'}"
            )
        what = "load the weights of" if request.pretrained else "build"
        raise ValueError(
            f"{request.library} cannot {what} {str(request)!r}: {in_words(error)}. {remedy}"
        ) from error


def _timm(request: Request) -> Opened:
    timm = _check_timm(request.name)
    pretrained = bool(request.pretrained)
    with _building(request):
        network = timm.create_model(request.name, pretrained=pretrained, **request.arguments)
    said = network.pretrained_cfg
    pixels = Pixels.of_unit(said["mean"], said["std"]) if said.get("mean") else None
    return Opened(network, pretrained, pixels, _timm_classes(timm, network))


def _check_timm(name: str) -> Any:
    """Return timm, after a check of the name; one with ``:`` or ``/`` is not in timm's list."""
    timm = _import("timm")
    if not any(mark in name for mark in ":/") and not timm.is_model(name.partition(".")[0]):
        near = did_you_mean(name, timm.list_models())
        raise ValueError(f"timm has no network {name!r}.{near} timm.list_models() lists all.")
    return timm


def _timm_classes(timm: Any, network: Any) -> Names | None:
    """Return the names in a network's settings or, of ImageNet's classes, those in timm's lists."""
    if said := network.pretrained_cfg.get("label_names"):
        return [*said]
    subset = timm.data.infer_imagenet_subset(network)
    if subset is None or network.num_classes != network.pretrained_cfg.get("num_classes"):
        return None
    return [*timm.data.ImageNetInfo(subset).label_descriptions(detailed=False)]


def _torchvision(request: Request) -> Opened:
    models = _check_torchvision(request.name)
    published = models.get_model_weights(request.name).DEFAULT
    weights = published if request.pretrained else None
    with _building(request):
        network = models.get_model(request.name, weights=weights, **request.arguments)
    preset = published.transforms()
    classes = published.meta["categories"] if request.pretrained else None
    return Opened(
        network, bool(request.pretrained), Pixels.of_unit(preset.mean, preset.std), classes
    )


def _check_torchvision(name: str) -> Any:
    """Return torchvision's models, after a check that it has a classifier."""
    models = _import("torchvision").models
    names = models.list_models(module=models)
    if name not in names:
        near = did_you_mean(name, names)
        raise ValueError(f"torchvision has no classifier {name!r}.{near}")
    return models


def _transformers(request: Request) -> Opened:
    library = _import("transformers")
    folder, code = _folder(request.name), dict(trust_remote_code=request.trust)
    where = str(folder.resolve()) if folder.is_dir() else request.name
    pretrained = request.pretrained
    if pretrained is None:
        pretrained = _holds_weights(folder)
    with _building(request):
        config = library.AutoConfig.from_pretrained(where, **code)
        classifies = any("ImageClassification" in name for name in config.architectures or ())
        kind = library.AutoModelForImageClassification if classifies else library.AutoModel
        # For a model of images and texts, the part for images is the teacher.
        config = getattr(config, "vision_config", config)
        if pretrained:
            network = kind.from_pretrained(where, config=config, **request.arguments, **code)
        else:
            network = kind.from_config(config, **request.arguments, **code)
    names = [config.id2label[key] for key in sorted(getattr(config, "id2label", None) or {})]
    given = classifies and names and names[0] != "LABEL_0"
    return Opened(network, pretrained, _processor_pixels(library, where), names if given else None)


def _processor_pixels(library: Any, where: str) -> Pixels | None:
    """Return the normalisation in a model's ``preprocessor_config.json``, if it has one."""
    processor = library.image_processing_utils.BaseImageProcessor
    try:
        settings, _ = processor.get_image_processor_dict(where)
    except (OSError, ValueError):
        return None
    if not settings.get("do_normalize", True) or "image_mean" not in settings:
        return None
    return Pixels.of_unit(settings["image_mean"], settings["image_std"])


def _hub(request: Request) -> Opened:
    repository, _, name = request.name.rpartition(":")
    if not repository:
        raise ValueError(f"{str(request)!r} is incomplete: write hub:REPOSITORY:NAME.")
    if not request.trust:
        raise ValueError(
            f"Refused to build {str(request)!r}: torch.hub runs the code of the repository. If you "
            "trust its authors, say trust_checkpoint=True of the teacher, or --trust-checkpoint to "
            "a tool."
        )
    folder = _folder(repository)
    local = folder.is_dir()
    where, source = (str(folder.resolve()), "local") if local else (repository, "github")
    wanted = {"pretrained": bool(request.pretrained), **request.arguments}
    with _building(request):
        load: Any = torch.hub.load
        try:
            network = load(where, name, source=source, trust_repo=True, **wanted)
        except TypeError as error:
            if "'pretrained'" not in str(error) or request.pretrained:
                raise
            network = load(where, name, source=source, trust_repo=True, **request.arguments)
    if not isinstance(network, nn.Module):
        raise ValueError(f"{str(request)!r} is a {type(network).__name__}, no network.")
    return Opened(network, bool(request.pretrained))


def _folder(name: str) -> Path:
    return Path(name).expanduser()


def _holds_weights(folder: Path) -> bool:
    return any(True for pattern in WEIGHT_FILES for _ in folder.glob(pattern))


LIBRARIES: dict[str, Callable[[Request], Opened]] = {
    "timm": _timm,
    "torchvision": _torchvision,
    "hf": _transformers,
    "hub": _hub,
}
