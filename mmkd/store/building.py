"""Construction of a store: teachers of a config run over its training data."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import barrier, get_dist_info
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmkd.loading import build_loader
from mmkd.randomness import PositionedLoading
from mmkd.store.checks import (
    check_layers,
    check_parts,
    check_taps,
    entropies_of,
    features_of,
    temperature_of,
)
from mmkd.store.manifest import NAME, Manifest, StoreError
from mmkd.store.recording import Recorder
from mmkd.store.shards import shard_keys
from mmkd.store.store import check_student
from mmkd.store.values import Full, Sampled, TopK, Values


class StoreBuilder:
    """Builder of the missing shards of a store; several ranks share the shards.

    Args:
        config: A training config with a distiller.
        out: The store's folder. An existing store in it must belong to the same config.
        top_k: Number of the greatest logits to keep.
        sampled: Number of classes to draw from the tempered distribution.
        dtype: ``'float32'`` or ``'float16'``, for full logits, if neither ``top_k`` nor ``sampled``
            is set.
        views: Number of views of each sample, by default one for each epoch of the config.
        features: Whether to keep the features that the config's terms read, in half precision.
        shard_records: Maximum number of records in a shard; by default as many as take 256 MiB, and
            at most 32,768. An existing store keeps its number.

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
        features: bool = False,
        shard_records: int | None = None,
    ) -> None:
        self.out = Path(out)
        config = config.copy()
        config.model.pop("store", None)
        config.work_dir = str(self.out / "log")
        configs = config.model.get("teachers") or {"teacher": config.model.get("teacher")}
        runner = Runner.from_cfg(config)
        model: Any = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not getattr(model, "teachers", None):
            raise StoreError("The config has no mmkd.Distiller with teachers, so nothing to store.")
        loader: Any = build_loader(config.train_dataloader, seed=runner.seed)
        loader.dataset.__getitems__ = PositionedLoading(loader.dataset, int(runner.seed))
        terms = [*model.terms.values()]
        check_student(model.student)
        kept = features_of(terms, model.logits, configs) if features else {}
        check_taps(terms, model.logits, kept)
        check_layers(terms, model.student)
        temperature = partial(temperature_of, terms, model.logits)
        values, entropies = _values(temperature, top_k, sampled, dtype), entropies_of(terms)
        check_parts(terms, model.logits, values, entropies)
        self.recorder = Recorder(model, loader, values, entropies, kept)
        wanted = views or math.ceil(float(_epochs(config, len(loader))))
        data, records = (
            config.train_dataloader.dataset,
            shard_records or self.recorder.shard_records,
        )
        self.manifest = self.recorder.manifest(configs, data, wanted, records)
        if (self.out / NAME).exists():
            self._go_on(Manifest.read(str(self.out)))

    @property
    def record_bytes(self) -> int:
        """Bytes of one record, summed over all teachers."""
        return self.recorder.record_bytes

    def build(self) -> int:
        """Compute and write the missing shards; return the number of this process's records."""
        if get_dist_info()[0] == 0:
            self.manifest.write(self.out)
        barrier()
        keys = [*shard_keys(self.manifest, self.manifest.views)]
        return self.recorder.write(self.out, self.manifest, keys)

    def _go_on(self, there: Manifest) -> None:
        """Add views to a store that exists, and keep those that it has."""
        if different := there.differences(self.manifest):
            raise StoreError(
                f"{self.out} holds a store of something else. Give another --out, or the same "
                f"settings and randomness.seed. Different are: {'; '.join(different[:6])}."
            )
        self.manifest.views = max(self.manifest.views, there.views)
        self.manifest.shard_records = there.shard_records


def _values(
    temperature: Callable[[], float], top_k: int | None, sampled: int | None, dtype: str
) -> Values:
    if top_k is not None and sampled is not None:
        raise StoreError("Give either --top-k or --sampled.")
    if top_k is not None:
        return TopK(top_k, temperature())
    return Full(dtype) if sampled is None else Sampled(sampled, temperature())


def _epochs(config: Config, batches: int) -> float:
    """Return the number of passes of a config's run over its data."""
    loop = config.train_cfg
    return float(loop.max_epochs if "max_epochs" in loop else loop.max_iters / batches)
