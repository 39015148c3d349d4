"""Files of ``configs/_base_/methods``: the settings of a method, by kind of network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmkd.arguments import did_you_mean
from mmkd.compat.config import resolve
from mmkd.compat.shipped import shipped
from mmkd.composition.kinds import KINDS, PARENTS
from mmkd.engine.launch import ArgumentError

Settings = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """A method, from its file.

    Attributes:
        name: Name of the method on the command line.
        path: File of the method.
        variants: Its settings in a distillation config, by kind of network.
        options: The dotted keys that each option sets, by the option's short name.
        published: Other settings for pairs of networks for which numbers are published, by the name
            of the pair's config.
    """

    name: str
    path: Path
    variants: Mapping[str, Settings]
    options: Mapping[str, list[str]]
    published: Mapping[str, Settings]

    def variant(self, kind: str) -> Settings:
        """Return the method's settings for a kind of network.

        Raises:
            ArgumentError: If the method has no settings for that kind.
        """
        if (own := self._kind(kind)) is None:
            fitting = [method.name for method in read_methods() if method._kind(kind)]
            raise ArgumentError(
                f"The method {self.name!r} is not for {KINDS[kind]}. It is for "
                f"{'; '.join(KINDS[other] for other in self.variants)}. For {KINDS[kind]} there "
                f"are: {', '.join(fitting)}."
            )
        return self.variants[own]

    def _kind(self, kind: str) -> str | None:
        """Return the kind whose settings apply to a kind of network, or ``None``."""
        return next((k for k in (kind, PARENTS.get(kind)) if k in self.variants), None)

    def keys(self, option: str, kind: str) -> list[str]:
        """Return the dotted keys that a short name sets for a kind of network."""
        variant = Config(self.variant(kind))
        keys = self.options[option]
        return [key for key in keys if _lookup(variant, key) is not None] or keys

    def default(self, option: str, kind: str) -> Any:
        """Return the value of a short name's key for a kind, or ``None`` if it is not set."""
        return _lookup(Config(self.variant(kind)), self.keys(option, kind)[0])


def _lookup(settings: Any, key: str) -> Any:
    for part in key.split("."):
        settings = settings.get(part) if isinstance(settings, Mapping | Config) else None
    return settings


def method_names() -> list[str]:
    """Return the names of mmkd's methods."""
    return [method.name for method in read_methods()]


def read_methods() -> list[Method]:
    """Read all methods of mmkd, by name."""
    found = (_read(path) for path in sorted(_folder().glob("*.py")))
    return [method for method in found if method is not None]


def read_method(name: str) -> Method:
    """Read a method by its name, or from the path of a user's file in the same format.

    Raises:
        ArgumentError: If there is no such method.
    """
    own = name.endswith(".py")
    path = Path(resolve(name)) if own else _folder() / f"{name}.py"
    method = _read(path) if path.is_file() else None
    if method is None:
        if own:
            raise ArgumentError(
                f"{name} is no file of a method: it has to define `method = dict(<kind>=dict("
                f"model=dict(terms=...)))`, with kinds of {', '.join(KINDS)}."
            )
        names = method_names()
        raise ArgumentError(
            f"There is no method {name!r}.{did_you_mean(name, names)} `python -m mmkd methods` "
            "lists all."
        )
    return method


def _folder() -> Path:
    return shipped("configs") / "_base_" / "methods"


def _read(path: Path) -> Method | None:
    """Read the file of a method, or return ``None`` if it describes none."""
    config = Config.fromfile(path)
    if "method" not in config:
        return None
    keys: Iterable[tuple[str, Any]] = config.get("options", {}).items()
    options = {name: [key] if isinstance(key, str) else list(key) for name, key in keys}
    published = config.get("published", {})
    return Method(path.stem, path, _plain(config.method), options, _plain(published))


def _plain(settings: Any) -> Settings:
    plain: Settings = Config(settings).to_dict()
    return plain
