"""Construction of a store: teachers of a config run over its training data."""

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_dist_info
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from mmkd.loading import build_loader
from mmkd.logits.entropy import entropy
from mmkd.randomness import Position, PositionedLoading, Purpose, position_seed, unrepeatable
from mmkd.store.checks import check_parts, check_taps, entropies_of, temperature_of
from mmkd.store.identity import of_config, of_index, of_pixels, of_preprocessing, of_teacher
from mmkd.store.manifest import NAME, Manifest, StoreError, TeacherEntry
from mmkd.store.shards import Key, sha256, shard_keys, shard_name, shard_samples, write_shard
from mmkd.store.store import check_student
from mmkd.store.values import Full, Sampled, TopK, Values, write_values
from mmkd.version import __version__

SHARD_RECORDS = 2**15
SAID_EVERY = 10.0  # seconds between two lines of progress


class StoreBuilder:
    """Builder of the missing shards of a store; several ranks share the shards.

    Args:
        config: A training config with a distiller.
        out: The store's folder. An existing store in it must belong to the same config.
        top_k: Number of the greatest logits to keep.
        sampled: Number of classes to draw from the tempered distribution.
        dtype: ``'float32'`` or ``'float16'``, for full logits, if neither of the two is set.
        views: Number of views of each sample, by default one for each epoch of the config.
        shard_records: Number of records in a shard.

    Raises:
        StoreError: If no store of these teachers, data or terms is possible.
    """

    def __init__(
        self,
        config: Config,
        out: str | Path,
        top_k: int | None = None,
        sampled: int | None = None,
        dtype: str = "float32",
        views: int | None = None,
        shard_records: int = SHARD_RECORDS,
    ) -> None:
        self.out = Path(out)
        config = config.copy()
        config.model.pop("store", None)
        config.work_dir = str(self.out / "log")
        self._configs = config.model.get("teachers") or {"teacher": config.model.get("teacher")}
        runner = Runner.from_cfg(config)
        self.model: Any = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not getattr(self.model, "teachers", None):
            raise StoreError("The config has no mmkd.Distiller with teachers, so nothing to store.")
        self.loader: Any = build_loader(config.train_dataloader, seed=runner.seed)
        terms = [*self.model.terms.values()]
        check_student(self.model.student)
        check_taps(terms, self.model.logits)
        self.values = _values(terms, top_k, sampled, dtype)
        self.entropies = entropies_of(terms)
        check_parts(terms, self.values, self.entropies)
        dataset: Any = self.loader.dataset
        self.loading = dataset.__getitems__ = PositionedLoading(dataset, int(runner.seed))
        if found := unrepeatable(self.loading, range(min(3, len(dataset)))):
            raise StoreError(
                f"There can be no store of these data: {found}. It draws from a generator of its "
                "own, or depends on what was loaded before, so that no run sees the stored images."
            )
        wanted = views or math.ceil(float(_epochs(config, len(self.loader))))
        self.manifest = self._manifest(config, wanted, shard_records)

    @property
    def record_bytes(self) -> int:
        """Bytes of one record, summed over all teachers."""
        return sum(column[0].nbytes for column in self._encode(self._example(), (0, 0)).values())

    def build(self) -> int:
        """Compute and write the missing shards; return the number of their records."""
        rank, world = get_dist_info()
        if rank == 0:
            self.manifest.write(self.out)
        barrier()
        keys = [*shard_keys(self.manifest, self.manifest.views)][rank::world]
        keys = [key for key in keys if not (self.out / shard_name(key)).exists()]
        total = sum(len(shard_samples(self.manifest, key)) for key in keys)
        done, begun, said = 0, time.monotonic(), 0.0
        for key, columns in self._shards(keys):
            write_shard(self.out, key, columns)
            done += len(shard_samples(self.manifest, key))
            passed = time.monotonic() - begun
            if passed - said > SAID_EVERY or done == total:
                said, rate = passed, done / max(passed, 1e-9)
                left = (total - done) / rate
                print_log(f"{done} of {total} records, {rate:.0f}/s, {left:.0f} s left", "current")
        barrier()
        return total

    def _manifest(self, config: Config, views: int, shard_records: int) -> Manifest:
        dataset: Any = self.loader.dataset
        example = self._logits(self._example_inputs(), None)
        manifest = Manifest(
            seed=self.loading.seed,
            samples=len(dataset),
            views=views,
            shard_records=shard_records,
            values=write_values(self.values),
            entropies=[[*pair] for pair in self.entropies],
            teachers={
                name: _entry(name, settings, str(self.model.logits[name]), example[name].shape[1])
                for name, settings in self._configs.items()
            },
            preprocessing=of_preprocessing(self.model.student),
            pipeline=of_config(config.train_dataloader.dataset),
            data=of_index(dataset),
            pixels=of_pixels(self.loading),
            made_with=f"mmkd {__version__}, torch {torch.__version__}",
        )
        if (self.out / NAME).exists():
            there = Manifest.read(str(self.out))
            if different := there.differences(manifest):
                raise StoreError(
                    f"{self.out} holds a store of something else. Give another --out, or the same "
                    f"settings and randomness.seed. Different are: {'; '.join(different[:6])}."
                )
            manifest.views = max(views, there.views)
        return manifest

    def _batches(self, keys: list[Key]) -> Iterator[list[Position]]:
        """Yield batches of the run's size; the last one of a shard is filled with its last sample.

        The size is constant because rounding may depend on it.
        """
        size = self.loader.batch_sampler.batch_size
        for key in keys:
            samples = [*shard_samples(self.manifest, key)]
            for begin in range(0, len(samples), size):
                batch = samples[begin : begin + size]
                batch += batch[-1:] * (size - len(batch))
                yield [Position(sample, key[0]) for sample in batch]

    def _shards(self, keys: list[Key]) -> Iterator[tuple[Key, dict[str, Tensor]]]:
        loader = DataLoader(
            self.loader.dataset,
            batch_sampler=[*self._batches(keys)],
            collate_fn=self.loader.collate_fn,
            num_workers=self.loader.num_workers,
            worker_init_fn=self.loader.worker_init_fn,
        )
        size = self.loader.batch_sampler.batch_size
        batches = iter(loader)
        for key in keys:
            count = len(shard_samples(self.manifest, key))
            parts: dict[str, list[Tensor]] = {}
            for begin in range(0, count, size):
                data = self.model.data_preprocessor(next(batches), True)
                logits = self._logits(data["inputs"], data["data_samples"])
                first = shard_samples(self.manifest, key)[begin]
                for name, column in self._encode(logits, (first, key[0])).items():
                    parts.setdefault(name, []).append(column)
            yield key, {name: torch.cat(columns)[:count] for name, columns in parts.items()}

    def _logits(self, inputs: Tensor, data_samples: Any) -> dict[str, Tensor]:
        """Return each teacher's logits (N, C), float32."""
        return {
            name: teacher(inputs, data_samples, [self.model.logits[name]])[
                self.model.logits[name]
            ].float()
            for name, teacher in self.model.teachers.items()
        }

    def _encode(self, logits: Mapping[str, Tensor], place: tuple[int, int]) -> dict[str, Tensor]:
        columns = {}
        for number, (name, values) in enumerate(logits.items()):
            seed = position_seed(self.loading.seed, Purpose.SAMPLE, *place, number)
            found = self.values.encode(values, torch.Generator().manual_seed(seed))
            if self.entropies:
                kept = [entropy(values, temperature, eps) for temperature, eps in self.entropies]
                found["entropies"] = torch.stack(kept, 1).to(self.values.entropy_dtype)
            columns.update({f"{name}.{column}": part.cpu() for column, part in found.items()})
        return columns

    def _example_inputs(self) -> Tensor:
        batch = self.loader.collate_fn([self.loading.load(Position(0, 0))])
        inputs: Tensor = self.model.data_preprocessor(batch, True)["inputs"]
        return inputs

    def _example(self) -> dict[str, Tensor]:
        return self._logits(self._example_inputs(), None)


def _values(terms: list[Any], top_k: int | None, sampled: int | None, dtype: str) -> Values:
    if top_k is not None and sampled is not None:
        raise StoreError("Give either --top-k or --sampled.")
    if top_k is not None:
        return TopK(top_k, temperature_of(terms))
    return Full(dtype) if sampled is None else Sampled(sampled, temperature_of(terms))


def _epochs(config: Config, batches: int) -> float:
    """Return the number of passes of a config's run over its data."""
    loop = config.train_cfg
    return float(loop.max_epochs if "max_epochs" in loop else loop.max_iters / batches)


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
