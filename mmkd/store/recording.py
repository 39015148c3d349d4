"""Computation of a store's records: teachers run over the training data."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier, get_dist_info
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import DataLoader

from mmkd.logits.entropy import entropy
from mmkd.networks.taps import Tap
from mmkd.randomness import Position, PositionedLoading, Purpose, position_seed, unrepeatable
from mmkd.store.identity import of_config, of_index, of_pixels, of_preprocessing, of_teacher
from mmkd.store.manifest import Manifest, StoreError, TeacherEntry, feature_name
from mmkd.store.shards import Key, missing_files, sha256, shard_samples, write_shard
from mmkd.store.values import Values, write_values
from mmkd.version import __version__

SHARD_RECORDS = 2**15
SHARD_BYTES = 2**28
SAID_EVERY = 10.0  # seconds between two lines of progress
Outputs = dict[str, dict[Tap, Tensor]]


class Recorder:
    """Teachers that compute the records of a store and write its shards.

    Args:
        model: The distiller. The recorder keeps its teachers even if the distiller replaces
            them later.
        loader: The training loader, whose data set loads by position.
        values: Kind of record.
        entropies: Temperature and eps of each stored entropy.
        features: Taps of each teacher whose tensors are kept beside its logits, in half precision.

    Raises:
        StoreError: If the samples do not depend on their positions alone, or a teacher's output for
            a sample depends on the other samples of the batch.
    """

    def __init__(
        self,
        model: Any,
        loader: Any,
        values: Values,
        entropies: Sequence[tuple[float, float]],
        features: Mapping[str, Sequence[Tap]],
    ) -> None:
        self.model, self.loader = model, loader
        self.teachers, self.logits = dict(model.teachers), dict(model.logits)
        self.values, self.entropies = values, entropies
        self.taps = {name: [self.logits[name], *features.get(name, ())] for name in self.teachers}
        dataset: Any = loader.dataset
        self.loading: PositionedLoading = dataset.__getitems__
        if found := unrepeatable(self.loading, range(min(3, len(dataset)))):
            raise StoreError(
                f"There can be no store of these data: {found}. It draws from a generator of its "
                "own, or depends on what was loaded before, so that no run sees the stored images."
            )
        if mixing := [name for name, one in self.teachers.items() if one.mixes_samples]:
            raise StoreError(
                f"The teacher {mixing[0]!r} takes the statistics of each batch, so that what it "
                "gives for a sample depends on the others. Remove released_code, or train with the "
                "teacher itself."
            )

    @property
    def record_bytes(self) -> int:
        """Bytes of one record, summed over all teachers."""
        _, example = self._example()
        return sum(column[0].nbytes for column in self._encode(example, (0, 0)).values())

    @property
    def shard_records(self) -> int:
        """Number of records of a shard; the whole shard is in memory before it is written."""
        return max(1, min(SHARD_RECORDS, SHARD_BYTES // self.record_bytes))

    def entries(self, configs: Mapping[str, Any]) -> dict[str, TeacherEntry]:
        """Describe the teachers, from a config of each."""
        inputs, example = self._example()
        found = {}
        for name, settings in configs.items():
            classes = example[name][self.logits[name]].shape[1]
            found[name] = entry = _entry(name, settings, str(self.logits[name]), classes)
            if len(self.taps[name]) > 1:
                kept = self.taps[name][1:]
                entry.features = {str(tap): [*example[name][tap].shape[1:]] for tap in kept}
                roles = self.teachers[name].found_roles.taps
                entry.roles = {role: [*map(str, taps)] for role, taps in roles.items()}
                entry.input_shape = [*inputs.shape[1:]]
        return found

    def manifest(
        self, configs: Mapping[str, Any], data: Any, views: int, shard_records: int
    ) -> Manifest:
        """Describe the store of these teachers.

        Args:
            configs: Config of each teacher.
            data: Config of the data set.
            views: Number of views of each sample.
            shard_records: Maximum number of records in a shard.
        """
        return Manifest(
            seed=self.loading.seed,
            samples=len(self.loader.dataset),
            views=views,
            shard_records=shard_records,
            values=write_values(self.values),
            entropies=[[*pair] for pair in self.entropies],
            teachers=self.entries(configs),
            preprocessing=of_preprocessing(self.model.student),
            pipeline=of_config(data),
            data=of_index(self.loader.dataset),
            pixels=of_pixels(self.loading),
            made_with=f"mmkd {__version__}, torch {torch.__version__}",
        )

    def write(self, out: Path, manifest: Manifest, keys: Sequence[Key]) -> int:
        """Compute and write the shards that are missing; the processes of the run share them.

        Args:
            out: Folder of the store.
            manifest: Manifest of the store.
            keys: Shards that are wanted, the same in all processes.

        Returns:
            The number of records that this process computed.
        """
        rank, world = get_dist_info()
        own = [key for key in [*keys][rank::world] if missing_files(str(out), key)]
        total = sum(len(shard_samples(manifest, key)) for key in own)
        done, begun, said = 0, time.monotonic(), 0.0
        for key, columns in self._shards(manifest, own):
            write_shard(out, key, columns)
            done += len(shard_samples(manifest, key))
            passed = time.monotonic() - begun
            if passed - said > SAID_EVERY or done == total:
                said, rate = passed, done / max(passed, 1e-9)
                left = (total - done) / rate
                print_log(f"{done} of {total} records, {rate:.0f}/s, {left:.0f} s left", "current")
        barrier()
        return total

    def _batches(self, manifest: Manifest, keys: list[Key]) -> Iterator[list[Position]]:
        """Yield batches of the run's size; the last one of a shard is filled with its last sample.

        The size is constant because rounding may depend on it.
        """
        size = self.loader.batch_sampler.batch_size
        for key in keys:
            samples = [*shard_samples(manifest, key)]
            for begin in range(0, len(samples), size):
                batch = samples[begin : begin + size]
                batch += batch[-1:] * (size - len(batch))
                yield [Position(sample, key[0]) for sample in batch]

    def _shards(
        self, manifest: Manifest, keys: list[Key]
    ) -> Iterator[tuple[Key, dict[str, Tensor]]]:
        loader = DataLoader(
            self.loader.dataset,
            batch_sampler=[*self._batches(manifest, keys)],
            collate_fn=self.loader.collate_fn,
            num_workers=self.loader.num_workers,
            worker_init_fn=self.loader.worker_init_fn,
        )
        size = self.loader.batch_sampler.batch_size
        batches = iter(loader)
        for key in keys:
            samples = shard_samples(manifest, key)
            parts: dict[str, list[Tensor]] = {}
            for begin in range(0, len(samples), size):
                data = self.model.data_preprocessor(next(batches), True)
                outputs = self._outputs(data["inputs"], data["data_samples"])
                for name, column in self._encode(outputs, (samples[begin], key[0])).items():
                    parts.setdefault(name, []).append(column)
            yield key, {name: torch.cat(some)[: len(samples)] for name, some in parts.items()}

    def _outputs(self, inputs: Tensor, data_samples: Any) -> Outputs:
        """Return each teacher's tensors at its taps: logits (N, C), and features (N, ...)."""
        return {
            name: teacher(inputs, data_samples, self.taps[name])
            for name, teacher in self.teachers.items()
        }

    def _encode(self, outputs: Outputs, place: tuple[int, int]) -> dict[str, Tensor]:
        columns = {}
        for number, (name, tensors) in enumerate(outputs.items()):
            logits = tensors[self.logits[name]].float()
            seed = position_seed(self.loading.seed, Purpose.SAMPLE, *place, number)
            found = self.values.encode(logits, torch.Generator().manual_seed(seed))
            if self.entropies:
                kept = [entropy(logits, temperature, eps) for temperature, eps in self.entropies]
                found["entropies"] = torch.stack(kept, 1).to(self.values.entropy_dtype)
            columns.update({f"{name}.{column}": part.cpu() for column, part in found.items()})
            for tap in self.taps[name][1:]:
                columns[f"{name}.{feature_name(tap)}"] = _half(name, tap, tensors[tap]).cpu()
        return columns

    def _example(self) -> tuple[Tensor, Outputs]:
        """Return the first sample as a batch of the student's input, and the teachers' tensors."""
        batch = self.loader.collate_fn([self.loading.load(Position(0, 0))])
        inputs: Tensor = self.model.data_preprocessor(batch, True)["inputs"]
        return inputs, self._outputs(inputs, None)


def _half(name: str, tap: Tap, feature: Tensor) -> Tensor:
    """Return a feature in half precision, whose greatest number is 65,504."""
    half = feature.half()
    if not half.isfinite().all():
        raise StoreError(
            f"The teacher {name!r} has values at {tap} that half precision cannot hold (up to "
            f"{feature.abs().max():g}): a store of its features is not possible."
        )
    return half


def _entry(name: str, settings: Mapping[str, Any], tap: str, classes: int) -> TeacherEntry:
    if settings.get("class_map") is not None:
        raise StoreError(
            f"The teacher {name!r} has a class_map: a store is for teachers of the student's "
            "classes. Train with the teacher itself."
        )
    file = settings.get("checkpoint")
    if file is None or not Path(str(file)).expanduser().is_file():
        raise StoreError(
            f"The teacher {name!r} has no checkpoint that is a file here, so that a run could not "
            "tell whether the store is of its weights. Give teacher.checkpoint the path of a file."
        )
    path = Path(str(file)).expanduser()
    return TeacherEntry(tap, classes, of_teacher(settings), sha256(path), path.name)
