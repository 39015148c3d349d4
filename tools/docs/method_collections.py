"""Contents of the method folders: methods, their papers, configs, and published numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FILE = "literature.yml"
# Names of configs end with the data set.
ENDINGS = {
    "CIFAR-100": "_cifar100",
    "ImageNet-1k": "_imagenet",
    "MS-COCO": "_coco",
    "Tiny-ImageNet": "_tiny_imagenet",
    "CINIC-10": "_cinic10",
    "Fashion-MNIST, 8000 images": "_fmnist8k",
    "BCCD": "_bccd",
}
KEYS = {"name", "architecture", "paper", "literature"}


class LiteratureError(ValueError):
    """Error for a ``literature.yml`` that does not have the right form."""


@dataclass(frozen=True)
class Number:
    """A published number.

    Attributes:
        pair: The networks, and any other words of the config's name before the data set.
        data: The data set.
        value: The number as it is written.
        source: The place of publication.
    """

    pair: str
    data: str
    value: str
    source: str


@dataclass(frozen=True)
class Collection:
    """A method.

    Attributes:
        name: Name of the method.
        folder: Folder of the method's configs and page.
        architecture: Description of the kind of method.
        paper: Title and address of its paper, if it has one.
        numbers: Published numbers.
    """

    name: str
    folder: Path
    architecture: list[str]
    paper: tuple[str, str] | None
    numbers: list[Number]

    @property
    def configs(self) -> list[Path]:
        """Config files of the method, by data set and name."""
        order = [*ENDINGS]
        paths = self.folder.glob("*.py")
        return sorted(paths, key=lambda path: (order.index(data_of(path.stem)), path.stem))


def read_collections(configs: Path) -> list[Collection]:
    """Read all files of literature in the folders of ``configs``, by the method's name.

    Raises:
        LiteratureError: If the form of a file is wrong; the message names the file.
    """
    found = []
    for path in sorted(configs.glob(f"*/{FILE}")):
        try:
            # Numbers are read as text: 70.50 stays 70.50.
            content = yaml.load(path.read_text(), yaml.BaseLoader)
            found.append(_collection(content, path.parent))
        except (yaml.YAMLError, LiteratureError) as error:
            raise LiteratureError(f"{path}: {error}") from error
        except (AttributeError, KeyError, TypeError) as error:
            raise LiteratureError(
                f"{path} has not the shape of the others ({error!r}): see configs/kd/{FILE}."
            ) from error
    return sorted(found, key=lambda one: one.name.lower())


def _collection(content: dict[str, Any], folder: Path) -> Collection:
    if set(content) - KEYS:
        raise LiteratureError(f"it has the keys {sorted(content)}; allowed are {sorted(KEYS)}.")
    paper = content.get("paper")
    return Collection(
        name=content["name"],
        folder=folder,
        architecture=content.get("architecture", ["Knowledge distillation"]),
        paper=None if paper is None else (paper["title"], paper["url"]),
        numbers=[*_numbers(content.get("literature", {}))],
    )


def _numbers(literature: dict[str, dict[str, str]]) -> Iterator[Number]:
    for source, values in literature.items():
        for config, value in values.items():
            if not source or not re.fullmatch(r"\d+(\.\d+)?", value):
                raise LiteratureError(
                    f"of {config} it has {value!r} from {source!r}: write a number, such as "
                    "70.50, under the name of its source."
                )
            data = data_of(config)
            yield Number(config.removesuffix(ENDINGS[data]), data, value, source)


def data_of(config: str) -> str:
    """Return the data set at the end of a config's name.

    Raises:
        LiteratureError: If the name ends with no data set.
    """
    found = [data for data, ending in ENDINGS.items() if config.endswith(ending)]
    if not found:
        raise LiteratureError(f"{config} ends with no data set: {', '.join(ENDINGS.values())}.")
    return max(found, key=lambda data: len(ENDINGS[data]))
