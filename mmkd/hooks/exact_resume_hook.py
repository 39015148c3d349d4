"""Hook that makes the random numbers of a run independent of interruptions."""

import math
from typing import Any

from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmkd.hooks.hang_guard_hook import unwatched
from mmkd.hooks.model import distiller_of, distillers_of
from mmkd.randomness import (
    load_by_position,
    obstacle,
    resumed_iterator,
    seed_step,
    unrepeatable,
)
from mmkd.randomness.positions import BatchesFrom, PositionSampler
from mmkd.registry import HOOKS
from mmkd.store import Store, StoreError
from mmkd.store.growing import Growth

CHECKED = 3  # number of samples that are loaded twice before training


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Derive random numbers from positions, so that a resumed run equals an uninterrupted one.

    MMEngine's checkpoints do not contain the states of random generators, so that augmentations,
    dropout and masks of a resumed run differ. With this hook the random numbers of a sample's
    transforms depend only on (run seed, sample, view), where the view is the epoch. Those of batch
    augmentations, dropout and masks depend only on (run seed, iteration, rank). They do not depend
    on earlier samples or on the worker, and no state needs to be stored. A resumed run ends with
    the weights of an uninterrupted one, bit for bit. This holds for loops over epochs and over
    iterations, for checkpoints within an epoch, with and without persistent workers, in one process
    or several, and with the transforms of mmpretrain and mmdet.

    With a teacher store (``model.store``) the seed of the samples' transforms comes from the store,
    and the samples carry their positions, by which the store is read. If the store grows, each view
    is computed before the first iteration that needs it.

    The config has to stay the same. A checkpoint between two updates of an optimizer that
    accumulates gradients does not contain those gradients, so resuming from it is not exact. On a
    GPU the operators have to be deterministic as well (``randomness=dict(deterministic=True)``).

    Args:
        views: Number of different views of each sample: the view is the epoch modulo this number.
            ``None`` gives new views in each epoch. With a store, the store's ``views`` hold.
        check: Whether to load a few samples twice before training, and to warn of transforms that
            draw their random numbers from other generators. Not done with a store.

    Raises:
        ValueError: If ``views`` is below 1.
        StoreError: Before training, if the run has a store that does not fit its data, or a loader
            whose samples cannot be identified.
    """

    priority = "LOWEST"  # seeds after other hooks, which may draw in only one of the two runs

    def __init__(self, views: int | None = None, check: bool = True) -> None:
        if views is not None and views < 1:
            raise ValueError(f"ExactResumeHook: views must be at least 1 or None, not {views}.")
        self.views, self.check = views, check
        self._built_with: int | None = None
        self._loading: tuple[PositionSampler, BatchesFrom] | None = None
        self._rank = 0
        self._growth: Growth | None = None

    def before_run(self, runner: Runner) -> None:
        """Note the seed that the loader was built with; a checkpoint brings the seed of its run."""
        self._built_with = runner.seed
        self._rank = get_rank()

    def before_train(self, runner: Runner) -> None:
        """Load by position from here on, and skip the batches that the run has already used."""
        loader, store = runner.train_dataloader, self._store(runner)
        if reason := obstacle(loader):
            if store is not None:
                raise StoreError(f"A store is read by sample and view: {reason}.")
            runner.logger.warning(
                f"ExactResumeHook: resuming this run will not be exact: the loader is not one of "
                f"samples by index: {reason}."
            )
            return
        seed = self._seed(runner)
        views = self.views if store is None else store.views
        data_seed = None if store is None else seed if store.fresh else store.seed
        self._loading = positions, batches = load_by_position(loader, seed, views, data_seed)
        if self._per_rank(runner) or getattr(positions.sampler, "seed", None) == self._built_with:
            positions.sampler.seed = seed  # type: ignore[attr-defined]
        if store is not None:
            self._open(runner, store)
        elif self.check:
            self._check(runner)
        loop = runner.train_loop
        if isinstance(loop, IterBasedTrainLoop):
            loop.dataloader_iterator = resumed_iterator(loader, *self._loading, runner.iter)
            return
        begun = runner.iter - runner.epoch * len(loader)
        if 0 < begun <= len(loader):
            batches.skip = begun
            runner.logger.info(
                f"Epoch {runner.epoch + 1} goes on after its first {begun} iterations."
            )

    def before_train_epoch(self, runner: Runner) -> None:
        if self._loading is not None and not isinstance(runner.train_loop, IterBasedTrainLoop):
            self._loading[0].next_pass = runner.epoch

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        if self._growth is not None:
            with unwatched(runner):
                self._growth.reach(self._passes(runner, runner.iter + 1))
        seed_step(self._seed(runner), runner.iter, self._rank)

    @staticmethod
    def _per_rank(runner: Runner) -> bool:
        return bool(runner._randomness_cfg.get("diff_rank_seed", False))

    def _seed(self, runner: Runner) -> int:
        """Return the seed that all processes share."""
        return int(runner.seed) - (self._rank if self._per_rank(runner) else 0)

    @staticmethod
    def _store(runner: Runner) -> Store | None:
        distiller = distiller_of(runner)
        return None if distiller is None else distiller.store

    def _open(self, runner: Runner, store: Store) -> None:
        """Compare the run's data with those of its store, or begin to add views to it."""
        loader, config = runner.train_dataloader, runner.cfg.train_dataloader.dataset
        passes = self._passes(runner, runner.max_iters)
        if store.grow:
            models = [*distillers_of(runner).values()]
            self._growth = Growth(store, models, loader, config, passes)
        else:
            store.check_data(loader.dataset, config, passes)

    def _passes(self, runner: Runner, iterations: int) -> int:
        """Return the number of passes over the data that begin within some iterations."""
        assert self._loading is not None
        loader, positions = runner.train_dataloader, self._loading[0]
        if not positions.endless:
            return math.ceil(iterations / len(loader))
        batch = int(loader.batch_sampler.batch_size) * int(get_world_size())
        return math.ceil(iterations * batch / positions.size)

    def _check(self, runner: Runner) -> None:
        dataset = runner.train_dataloader.dataset
        samples = range(min(CHECKED, len(dataset)))
        if found := unrepeatable(dataset.__getitems__, samples):
            runner.logger.warning(
                f"ExactResumeHook: resuming this run will not be exact: {found}. It draws from a "
                "generator of its own, or depends on what was loaded before. Take a transform that "
                "draws from `random`, `numpy.random` or torch's global generator."
            )
