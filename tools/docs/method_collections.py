"""What the metafiles of the method folders say: methods, their papers, configs and numbers."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

METRICS = {"MS-COCO": "box AP"}  # by data set; of classifiers it is the following
TOP1 = "Top 1 Accuracy"
# The file names of configs end with the data set.
ENDINGS = {
    "CIFAR-100": "_cifar100",
    "ImageNet-1k": "_imagenet",
    "MS-COCO": "_coco",
    "Tiny-ImageNet": "_tiny_imagenet",
    "CINIC-10": "_cinic10",
}


class MetafileError(ValueError):
    """A metafile has not the shape that it should have."""


@dataclass
class Number:
    """A number of the literature, as the metafile writes it."""

    value: str
    source: str


@dataclass
class Model:
    """A config.

    Attributes:
        path: Of the config.
        data: The data set.
        numbers: Of the literature.
    """

    path: Path
    data: str
    numbers: list[Number]

    @property
    def name(self) -> str:
        """The config's name without the data set: teacher, student, and what else it says."""
        return self.path.stem.removesuffix(ENDINGS.get(self.data, ""))


@dataclass
class Collection:
    """A method.

    Attributes:
        name: Of the method.
        readme: Path of its page.
        paper: Title and address of its paper, if it has one.
        models: Its configs.
    """

    name: str
    readme: Path
    paper: tuple[str, str] | None
    models: list[Model]


def read_collections(configs: Path) -> list[Collection]:
    """Read all metafiles in the folders of ``configs``, by the method's name.

    Raises:
        MetafileError: If one has another shape; the message names the file.
    """
    found = []
    for path in sorted(configs.glob("*/metafile.yml")):
        try:
            # As text: 70.50 stays 70.50.
            content = yaml.load(path.read_text(), yaml.BaseLoader)
            found.append(collection(content, configs.parent))
        except (yaml.YAMLError, MetafileError) as error:
            raise MetafileError(f"{path}: {error}") from error
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise MetafileError(
                f"{path} has not the shape of the other metafiles ({error!r}): see "
                "configs/kd/metafile.yml."
            ) from error
    return sorted(found, key=lambda one: one.name.lower())


def collection(content: dict[str, Any], root: Path) -> Collection:
    [head] = content["Collections"]
    paper = head.get("Paper")
    return Collection(
        name=head["Name"],
        readme=root / head["README"],
        paper=None if paper is None else (paper["Title"], paper["URL"]),
        models=[model(entry, root) for entry in content["Models"]],
    )


def model(entry: dict[str, Any], root: Path) -> Model:
    metadata = entry["Metadata"]
    data = metadata["Training Data"]
    numbers = metadata.get("Literature", [])
    if not isinstance(numbers, list):
        raise MetafileError(f"the Literature of {entry['Name']} must be a list of numbers")
    metric = METRICS.get(data, TOP1)
    return Model(
        path=root / entry["Config"],
        data=data,
        numbers=[number(one, metric, entry["Name"]) for one in numbers],
    )


def number(entry: Any, metric: str, name: str) -> Number:
    if not isinstance(entry, dict) or set(entry) != {metric, "Source"}:
        raise MetafileError(
            f"a number in the Literature of {name} needs `{metric}` and `Source`, and nothing "
            f"else; it has {entry!r}"
        )
    value, source = entry[metric], entry["Source"]
    if not re.fullmatch(r"\d+(\.\d+)?", str(value)) or not source:
        raise MetafileError(f"a number in the Literature of {name} is none, or has no source")
    return Number(value, source)
