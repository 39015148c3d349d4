"""Growth of a store in a run: the teachers compute the views that are missing."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, get_dist_info

from mmkd.store.checks import check_layers, entropies_of
from mmkd.store.manifest import Manifest
from mmkd.store.recording import Recorder
from mmkd.store.shards import shard_keys
from mmkd.store.store import Store
from mmkd.store.values import Full


class Growth:
    """Computation of the views that a store lacks, by the run's teachers.

    Each view is computed before its first batch, and the run then reads it from the store. A view
    is entered in the manifest after all of its shards are written. After a kill, a resumed run
    therefore computes only the missing shards.

    Args:
        store: The store, with ``grow=True``. A new one keeps full logits, float32.
        models: The distillers, with teachers that have networks. They are replaced by teachers that
            read the store.
        loader: The training loader, which loads by position with the store's seed.
        data: Config of the data set.
        views: Number of views that the run needs.

    Raises:
        StoreError: If the store does not fit the run, or no store of these data is possible.
    """

    def __init__(
        self, store: Store, models: Sequence[Any], loader: Any, data: Any, views: int
    ) -> None:
        self.store, self._there = store, 0
        for model in models:
            check_layers(model.terms.values(), model.student)
        if store.fresh:
            terms = [term for model in models for term in model.terms.values()]
            recorder = Recorder(models[0], loader, Full(), entropies_of(terms), {})
            rank, world = get_dist_info()
            records = min(recorder.shard_records, math.ceil(len(loader.dataset) / world))
            manifest = recorder.manifest(store.configs, data, 0, records)
            if rank == 0:
                manifest.write(Path(store.path))
            barrier()
            store.read(manifest)
        else:
            store.check_data(loader.dataset, data, views)
            kept = store.values, store.entropies, store.features
            recorder = Recorder(models[0], loader, *kept)
            store.check_entries(recorder.entries(store.configs))
        self._recorder: Recorder | None = recorder
        self.views = views if store.views is None else store.views
        for model in models:
            model.replace_teachers(store.stored_teachers())

    def reach(self, views: int) -> None:
        """Compute the missing shards of the first ``views`` views, at most those needed.

        All processes have to call it with the same number. After the last view the teachers'
        networks are released.
        """
        manifest, path = self.store.manifest, Path(self.store.path)
        for view in range(self._there, min(views, self.views)):
            assert self._recorder is not None
            keys = [key for key in shard_keys(manifest, view + 1) if key[0] == view]
            self._recorder.write(path, manifest, keys)
            manifest.views = max(manifest.views, view + 1)
            # Another run may have added views to the same store.
            if get_dist_info()[0] == 0 and Manifest.read(self.store.path).views <= view:
                manifest.write(path)
            self._there = view + 1
        if self._there >= self.views:
            self._recorder = None
