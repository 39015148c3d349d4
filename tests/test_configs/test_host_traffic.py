"""Steps that a GPU can run ahead of: nothing of mmkd waits for a result of the device."""

from collections import Counter
from typing import Any

import pytest
import torch
from config_files import ROOT
from host_traffic import HostTraffic
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mmkd.benchmark.parts import without_weights
from mmkd.benchmark.random_batch import random_batch
from mmkd.registry import MODELS

PAIR = "resnet32x4_resnet8x4_cifar100.py"
PATHS = sorted(ROOT.glob(f"*/{PAIR}"))
BATCH = 4
WAITS: dict[str, int] = {}
COPIES: dict[str, int] = {}


def small(value: Any) -> Any:
    """Settings whose memories are small, and which take small batches."""
    if isinstance(value, dict):
        value = {key: small(item) for key, item in value.items()}
        if value.get("type") == "mmkd.SemCKDLoss":
            value["batch_size"] = BATCH
        if value.get("type") == "mmkd.CRDLoss":
            value.update(num_samples=1000, negatives=64)
        return value
    return [small(item) for item in value] if isinstance(value, list | tuple) else value


def traffic_of(config: Config) -> HostTraffic:
    """Traffic of the second training step of a config."""
    init_default_scope(config.default_scope)
    torch.manual_seed(0)
    settings = small(config.model.to_dict())
    settings.setdefault("data_preprocessor", config.get("data_preprocessor"))
    for teacher in (settings.get("teachers") or dict(teacher=settings["teacher"])).values():
        teacher.update(model=without_weights(teacher["model"]), checkpoint=None)
    model = MODELS.build(settings)
    model.train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    data = random_batch(model.student, BATCH, (3, 32, 32))
    for index, sample in enumerate(data["data_samples"]):
        sample.set_metainfo(dict(sample_idx=index))
    model.train_step(data, wrapper)
    with HostTraffic() as traffic:
        model.train_step(data, wrapper)
    return traffic


@pytest.mark.slow
def test_no_method_waits_for_the_device_more_often_than_it_must() -> None:
    waits, copies, listed = Counter[str](), Counter[str](), list[str]()
    for path in PATHS:
        traffic = traffic_of(Config.fromfile(path))
        name = path.parent.name
        waits[name], copies[name] = traffic.waits.total(), traffic.copies.total()
        listed.append(f"{name}: {dict(traffic.waits)} {dict(traffic.copies)}")
    assert {name: count for name, count in waits.items() if count} == WAITS, "\n".join(listed)
    assert {name: count for name, count in copies.items() if count} == COPIES, "\n".join(listed)


def test_a_wait_is_counted_where_it_happens() -> None:
    from mmkd.functional import entropy
    from mmkd.hooks.module_statistics import module_statistics  # noqa: F401

    with HostTraffic() as traffic:
        float(entropy(torch.randn(2, 3)).sum())  # by this test, not by mmkd
    assert not traffic.waits
    assert traffic.kernels > 0
