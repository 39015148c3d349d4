"""Construction of data loaders from configs."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmkd.registry import DATALOADERS

# Settings of torch's loader for its worker processes and for the transfer to the device.
WORKERS = (
    "num_workers",
    "persistent_workers",
    "prefetch_factor",
    "pin_memory",
    "multiprocessing_context",
    "worker_init_fn",
    "collate_fn",
)


def build_loader(
    config: DataLoader[Any] | Mapping[str, Any],
    seed: int | None = None,
    diff_rank_seed: bool = False,
) -> DataLoader[Any]:
    """Build a data loader as MMEngine's Runner does, or one of mmkd's if the config has a ``type``.

    Loaders of mmkd have no worker processes. Settings for workers are ignored, so that only the
    ``type`` has to be added to a config.

    Args:
        config: The config, or a loader, which is returned unchanged.
        seed: Seed of the sampler.
        diff_rank_seed: Whether the processes of a run have different seeds.
    """
    if not isinstance(config, Mapping) or "type" not in config:
        loader: DataLoader[Any] = Runner.build_dataloader(config, seed, diff_rank_seed)
        return loader
    DATALOADERS.check(config)
    kind: Any = DATALOADERS.get(config["type"])
    own = {name: config[name] for name in kind.SETTINGS if name in config}
    given = {k: v for k, v in config.items() if k not in ("type", *own, *WORKERS)}
    plain = Runner.build_dataloader(deepcopy(given), seed, diff_rank_seed)
    names = (
        ["batch_sampler"] if plain.batch_size is None else ["batch_size", "sampler", "drop_last"]
    )
    batches = {name: getattr(plain, name) for name in names}
    built: DataLoader[Any] = kind(plain.dataset, **own, **batches)
    return built
