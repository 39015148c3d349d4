"""Steps that a GPU can run ahead of: nothing of mmkd waits for a result of the device."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from config_files import composed
from host_traffic import HostTraffic
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import Tensor

from mmkd.benchmark.parts import without_weights
from mmkd.benchmark.random_batch import random_batch
from mmkd.composition.methods import read_methods
from mmkd.registry import MODELS
from mmkd.teachers import ClassMap

PAIR, SEVERAL = "resnet20_resnet8_w8_fmnist8k", "resnet20_x3_resnet8_w8_fmnist8k"
MULTI = {"aekd", "aver", "camkd", "demkd", "demkd_feature", "ebkd", "fitnet_mkd"}
# CRLD sees two views, BYOT, DML and Tf-KD-reg have no teacher. AEKD searches its weights on the
# host, for which it copies one Gram matrix.
OTHERS = {"crld", "byot", "dml", "tfkd_reg", "aekd"}
METHODS = [method.name for method in read_methods() if "classifier" in method.variants]
BATCH = 4
# CRD: steps for its seed, samples that occur twice, and their number. FCFD: its step, and the order
# of its paths, which is drawn on the host. KDSVD: one decomposition for each map. Select: the rows.
WAITS = {"crd": 6, "kdsvd": 6, "select": 1}
WAITS |= dict.fromkeys(("fcfd", "erkd_fcfd", "eakd_fcfd"), 2)
COPIES = {"crd": 1}


def small(value: Any) -> Any:
    """Settings whose memories are small, and which take small batches."""
    if isinstance(value, dict):
        value = {key: small(item) for key, item in value.items()}
        if value.get("type") == "mmkd.SemCKDLoss":
            value["batch_size"] = BATCH
        if value.get("type") == "mmkd.CRDLoss":
            value.update(num_samples=100, negatives=16)
        return value
    return [small(item) for item in value] if isinstance(value, list | tuple) else value


def traffic_of(config: Config) -> HostTraffic:
    """Traffic of the second training step of a config."""
    return traffic_of_steps(build(config), config)


def build(config: Config) -> Any:
    """The model of a config, whose teachers have random weights."""
    init_default_scope(config.default_scope)
    torch.manual_seed(0)
    settings = small(config.model.to_dict())
    settings.setdefault("data_preprocessor", config.get("data_preprocessor"))
    for teacher in (settings.get("teachers") or dict(teacher=settings["teacher"])).values():
        teacher.update(model=without_weights(teacher["model"]), checkpoint=None)
    return MODELS.build(settings)


def traffic_of_steps(model: Any, config: Config) -> HostTraffic:
    """Traffic of the second training step of a model with a `student`."""
    model.train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    data = random_batch(model.student, BATCH, (1, 28, 28))
    for index, sample in enumerate(data["data_samples"]):
        sample.set_metainfo(dict(sample_idx=index))
    if hasattr(model.data_preprocessor, "views"):
        data["inputs"] = [data["inputs"], data["inputs"].flip(-1)]
    model.train_step(data, wrapper)
    with HostTraffic() as traffic:
        model.train_step(data, wrapper)
    return traffic


@pytest.mark.slow
def test_no_method_waits_for_the_device_more_often_than_it_must() -> None:
    waits, copies, listed = Counter[str](), Counter[str](), list[str]()
    for method in METHODS:
        if method not in OTHERS:
            traffic = traffic_of(composed(SEVERAL if method in MULTI else PAIR, method))
            waits[method], copies[method] = traffic.waits.total(), traffic.copies.total()
            listed.append(f"{method}: {dict(traffic.waits)} {dict(traffic.copies)}")
    assert {name: count for name, count in waits.items() if count} == WAITS, "\n".join(listed)
    assert {name: count for name, count in copies.items() if count} == COPIES, "\n".join(listed)


class HandWritten(BaseModel):
    """KD without mmkd: the shortest model for MMEngine that computes the same losses."""

    def __init__(self, distiller: Any, weigh: Callable[[Tensor, Tensor], Tensor] | None) -> None:
        super().__init__(data_preprocessor=distiller.data_preprocessor)
        self.student, self.weigh = distiller.student, weigh
        self.teacher = [distiller.teachers["teacher"].network]

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "loss") -> Any:
        [network] = self.teacher
        with torch.no_grad():
            teacher = network.head(network.extract_feat(inputs))
        head = self.student.head
        student = head(self.student.extract_feat(inputs))
        loss = 0.1 * head._get_loss(student, data_samples)["loss"]
        ours, theirs = ((logits / 4).log_softmax(1) for logits in (student, teacher))
        divergence = (16 * theirs.exp() * (theirs - ours)).sum(1)
        if self.weigh is not None:
            divergence = divergence * self.weigh(student.detach(), teacher)
        return dict(loss=loss, loss_kd=0.9 * divergence.mean())


def entropy(logits: Tensor, temperature: int) -> Tensor:
    logarithms = (logits / temperature).log_softmax(1)
    return -(logarithms.exp() * logarithms).sum(1)


def er(student: Tensor, teacher: Tensor) -> Tensor:
    return entropy(teacher, 4)


def ea(student: Tensor, teacher: Tensor) -> Tensor:
    first = entropy(teacher, 3)
    return 0.5 * (first + first * entropy(student, 3) / 2.3)


# EA-KD's released entropies add a small number to the probabilities before their logarithm.
@pytest.mark.parametrize(
    ("method", "weigh", "more"), [("kd", None, 0), ("erkd", er, 0), ("eakd", ea, 2)]
)
def test_a_step_starts_as_many_kernels_as_one_written_by_hand(
    method: str, weigh: Any, more: int
) -> None:
    config = composed(PAIR, method)
    model = build(config)
    kernels = traffic_of_steps(model, config).kernels
    by_hand = traffic_of_steps(HandWritten(model, weigh), config).kernels
    assert by_hand > 100
    assert kernels == by_hand + more


def test_waits_are_counted_by_the_line_of_mmkd() -> None:
    class_map = ClassMap([1, 0], teacher_count=3)
    with HostTraffic() as traffic:
        first = class_map.of_teacher(torch.randn(2, 3))
        class_map.of_teacher(torch.randn(2, 3))
        float(first.sum())  # by this test, not by mmkd
    assert list(traffic.copies.values()) == [1]  # for the first step alone
    assert "teachers/class_map.py" in next(iter(traffic.copies))
    assert not traffic.waits
    assert traffic.kernels > 0
    with HostTraffic() as traffic:
        ClassMap([None, 1]).scores(torch.tensor([0.2, 0.8]))
    assert not traffic.waits
