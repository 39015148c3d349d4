"""Description of a store in its file ``manifest.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmengine.fileio import exists, get_text, join_path

from mmkd.compat.files import write_file

NAME, SCHEMA = "manifest.json", 2


class StoreError(ValueError):
    """Error for a store that cannot be read or does not fit the run."""


@dataclass
class TeacherEntry:
    """One teacher of a store.

    Attributes:
        tap: Tap of its logits.
        classes: Number of its classes.
        settings: Hash of its network's config and of the teacher's other options.
        weights: SHA-256 of its checkpoint.
        checkpoint: Name of the checkpoint file.
        features: Shape of one sample's feature at each further tap that is kept.
        roles: Taps that the roles of its network stand for, if features are kept.
        input_shape: Shape (C, H, W) of the student's input, if features are kept.
    """

    tap: str
    classes: int
    settings: str
    weights: str
    checkpoint: str
    features: dict[str, list[int]] = field(default_factory=dict)
    roles: dict[str, list[str]] = field(default_factory=dict)
    input_shape: list[int] = field(default_factory=list)


@dataclass
class Manifest:
    """Contents of a store, and the teachers, data and settings that it was made from.

    Attributes:
        seed: Seed of the samples' random transforms.
        samples: Number of samples of the data set.
        views: Number of views of each sample.
        shard_records: Maximum number of records in a shard. Each view begins with a new shard.
        values: Kind of record, see :mod:`mmkd.store.values`.
        entropies: Temperature and eps of each stored entropy.
        teachers: The teachers by name.
        preprocessing: Description of the normalisation of pixels.
        pipeline: Hash of the data set's config, without paths.
        data: Hash of the data set's index: names or images, and labels, in their order.
        pixels: Hash of a few samples as they are loaded.
        made_with: Versions of mmkd and torch.
        schema: Version of this format.
    """

    seed: int
    samples: int
    views: int
    shard_records: int
    values: dict[str, Any]
    entropies: list[list[float]]
    teachers: dict[str, TeacherEntry]
    preprocessing: str
    pipeline: str
    data: str
    pixels: str
    made_with: str
    schema: int = field(default=SCHEMA)

    @classmethod
    def read(cls, path: str) -> "Manifest":
        """Read the manifest of a store, in a folder of any of MMEngine's file backends.

        Raises:
            StoreError: If there is no manifest, or none that this version can read.
        """
        file = join_path(path, NAME)
        if not exists(file):
            raise StoreError(
                f"There is no teacher store at {path}. Build it: python -m mmkd store build CONFIG "
                f"--out {path}; or let a run of tools/train.py build it: --store-grow."
            )
        try:
            fields = json.loads(get_text(file))
            if fields.get("schema") != SCHEMA:
                raise StoreError(
                    f"The store {path} has format {fields.get('schema')}, and this version of mmkd "
                    f"reads format {SCHEMA}. Build it again."
                )
            entries = {name: TeacherEntry(**entry) for name, entry in fields["teachers"].items()}
            return cls(**{**fields, "teachers": entries})
        except (json.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{file} is damaged: {error}. Build the store again.") from error

    def write(self, path: Path) -> None:
        """Write the manifest into a local folder, atomically."""
        write_file(path / NAME, json.dumps(asdict(self), indent=2).encode())

    @property
    def feature_columns(self) -> set[str]:
        """Columns of the features, as ``'teacher.features.backbone'``."""
        return {
            f"{name}.{feature_name(tap)}"
            for name, entry in self.teachers.items()
            for tap in entry.features
        }

    def differences(self, other: "Manifest") -> list[str]:
        """Return the fields in which another store differs.

        The number of views, the size of shards, the versions and the roles are not compared.
        """
        mine, its = _flat(asdict(self)), _flat(asdict(other))
        ignored = {"views", "made_with", "shard_records"}
        return [
            f"{name}: {mine.get(name)} there, {its.get(name)} here"
            for name in sorted(mine.keys() | its.keys())
            if mine.get(name) != its.get(name) and name not in ignored and ".roles." not in name
        ]


def feature_name(tap: object) -> str:
    """Return the name of a feature's column, without the teacher's name before it."""
    return f"features.{tap}"


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        inner = isinstance(value, dict)
        flat.update(_flat(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value})
    return flat
