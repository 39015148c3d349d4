"""Random numbers that do not depend on where a run was interrupted."""

from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.runner.utils import set_random_seed
from torch.utils.data import DataLoader

from mmkd.registry import HOOKS

DATA, STEP = 0, 1  # what an iteration's random numbers are for


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Make a resumed run end with the weights of an uninterrupted one, bit for bit.

    MMEngine's checkpoints hold no random generators: dropout, masks and augmentations of a resumed
    run are others. This hook seeds the generators wherever a run can be resumed, by the run's seed
    and by how far it is, so that there is nothing to be stored.

    A run over epochs is exact when it is resumed from the end of an epoch, with any number of
    workers and processes. The workers are started anew in each epoch, persistent ones too. A run
    over iterations is exact from any checkpoint if its images are loaded without workers, on the
    OneDL family of MMEngine; elsewhere the hook warns. On a GPU the operators have to be
    deterministic as well (``randomness=dict(deterministic=True)``). The config has to be the same:
    MMEngine's learning rate schedules keep the end that they had when their run began.

    It can be added to a config that inherits its ``custom_hooks`` by
    ``default_hooks=dict(exact_resume=dict(type='mmkd.ExactResumeHook'))``.
    """

    priority = "LOWEST"  # other hooks may have drawn before, in one of the runs only

    def __init__(self) -> None:
        self._built_with: int | None = None
        self._by_iteration = False

    def before_run(self, runner: Runner) -> None:
        """Note the seed that the loader was built with; a checkpoint brings that of its run."""
        self._built_with = runner.seed

    def before_train(self, runner: Runner) -> None:
        loader = runner.train_dataloader
        # Else each start of its iterator would draw from the generator that is seeded here.
        loader.generator = torch.Generator()
        sampler = getattr(loader.batch_sampler, "sampler", None)
        if sampler is not None and getattr(sampler, "seed", None) == self._built_with:
            sampler.seed = runner.seed
        self._by_iteration = isinstance(runner.train_loop, IterBasedTrainLoop)
        if self._by_iteration and (obstacle := _obstacle(runner.train_loop, loader)):
            runner.logger.warning(
                f"ExactResumeHook: resuming this run will not be exact: {obstacle}."
            )

    def before_train_epoch(self, runner: Runner) -> None:
        if self._by_iteration:
            _seed(runner, runner.iter, DATA)
            return
        seed = _seed(runner, runner.epoch)
        loader = runner.train_dataloader
        init = loader.worker_init_fn
        if isinstance(init, partial) and "seed" in init.keywords:
            loader.worker_init_fn = partial(init, seed=seed)
        loader.generator.manual_seed(seed)  # seeds workers that the above leaves alone
        loader._iterator = None  # ends persistent workers, which would go on with their generators

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None
    ) -> None:
        if self._by_iteration:
            _seed(runner, runner.iter, STEP)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        if self._by_iteration:
            _seed(runner, runner.iter + 1, DATA)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Seed again: a resumed run does not repeat the validation that followed its checkpoint."""
        if self._by_iteration:
            _seed(runner, runner.iter, DATA)


def _seed(runner: Runner, *position: int) -> int:
    """Seed all generators by the run's seed and a position in it; returns the seed."""
    [seed] = np.random.SeedSequence((runner.seed, *position)).generate_state(1)
    diff_rank_seed = runner._randomness_cfg.get("diff_rank_seed", False)
    # Half of what NumPy takes at most, so that ranks and workers can be added.
    return int(set_random_seed(int(seed) // 2, diff_rank_seed=diff_rank_seed))


def _obstacle(loop: IterBasedTrainLoop, loader: DataLoader[Any]) -> str | None:
    """Say why a run over iterations does not see the same data after it was resumed."""
    if loader.num_workers:
        return "the workers' random generators go on (train_dataloader.num_workers=0 has none)"
    if getattr(loop, "fast_forward_on_resume", False):
        return "it begins with the first image again (train_cfg.fast_forward_on_resume)"
    if not hasattr(loop.dataloader_iterator, "skip_iter"):
        return "this MMEngine loads the images that it skips, which draws random numbers"
    return None
