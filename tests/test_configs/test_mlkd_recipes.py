"""Configs of MLKD, LS, DIST, CTKD and their ER- and EA- versions agree with their sources."""

from functools import cache
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
from config_files import ROOT, SEVEN, composed
from mmengine.config import Config

from mmkd.registry import MODELS

FAMILY = ("mlkd", "mlkd_ls", "erkd_mlkd", "eakd_mlkd")
SMALL = "resnet20_resnet8_w8_fmnist8k"
VIEWS = [f"{pair}_cifar100_two_views" for pair in SEVEN]
TWO_VIEWS = [(method, pair) for method in FAMILY for pair in (*VIEWS, SMALL)]
# Epochs and rate. Of the code of LS, then of ER-KD.
MLKD = {
    "vgg13_vgg8": (480, 0.01),
    "resnet32x4_ShuffleV2": (960, 0.01),
    "ResNet50_MobileNetV2": (480, 0.01),
    "vgg13_MobileNetV2": (480, 0.01),
}
ER = {
    "resnet32x4_ShuffleV2": (240, 0.01),
    "ResNet50_MobileNetV2": (300, 0.01),
    "vgg13_MobileNetV2": (300, 0.01),
}
# The names of the logs of LS: temperature and weight of KD; those of DKD, and its own beta.
LS = {
    "resnet32x4_resnet8x4": ((2, 9), (2, 9, 8)),
    "vgg13_vgg8": ((3, 9), (2, 15, 2)),
    "wrn_40_2_wrn_16_2": ((2, 9), (2, 12, 2)),
    "wrn_40_2_wrn_40_1": ((2, 9), (2, 12, 2)),
    "resnet32x4_ShuffleV2": ((2, 9), (2, 9, 8)),
    "ResNet50_MobileNetV2": ((3, 1), (2, 15, 2)),
    "vgg13_MobileNetV2": ((3, 9), (3, 9, 2)),
}
LIGHT = {"vgg13_vgg8", "resnet32x4_ShuffleV2", "vgg13_MobileNetV2"}


@cache
def load(method: str, pair: str) -> Any:
    return composed(pair, method)


def networks(pair: str) -> str:
    return pair.removesuffix("_cifar100_two_views")


@pytest.mark.parametrize(("method", "pair"), [c for c in TWO_VIEWS if c[1] != SMALL])
def test_the_recipe_is_that_of_the_released_configs(method: str, pair: str) -> None:
    config = load(method, pair)
    usual, others = ((240, 0.025), ER) if method.startswith("erkd") else ((480, 0.025), MLKD)
    optimizer = config.optim_wrapper.optimizer
    found = config.train_cfg.max_epochs, optimizer.lr
    assert found == others.get(networks(pair), usual)
    assert config.param_scheduler.milestones == [150, 180, 210]
    assert (optimizer.weight_decay, config.train_dataloader.batch_size) == (5e-4, 64)
    assert config.model.student_loss_weight == 0.2, "the mean over two views, whose sum has 0.1"


@pytest.mark.parametrize(("method", "pair"), TWO_VIEWS)
def test_losses_and_data_have_the_same_views(method: str, pair: str) -> None:
    config = load(method, pair)
    views = config.data_preprocessor.get("views", 1)
    assert views == (1 if pair == SMALL else 2)
    losses = [MODELS.build(term.loss) for term in config.model.terms.values()]
    assert {loss.views for loss in losses} == {views}
    assert not any(loss.released_code for loss in losses)


@pytest.mark.parametrize(("method", "pair"), [c for c in TWO_VIEWS if c[0] != "mlkd_ls"])
def test_every_temperature_of_mlkd_is_there_once(method: str, pair: str) -> None:
    terms = load(method, pair).model.terms
    temperatures = []
    for term in terms.values():
        loss = MODELS.build(term.loss)
        temperatures += loss.temperatures
        weight = term.get("sample_weight")
        if method.startswith("erkd"):
            assert weight.type == "mmkd.EntropyWeight"
            assert [weight.temperature] == [*loss.temperatures], "the term's own"
        elif method.startswith("eakd"):
            assert (weight.type, weight.temperature) == ("mmkd.EntropyAdaptiveWeight", 3.0)
        assert term.weight == 0.9
    assert temperatures == [4, 3, 5, 2, 6]
    assert len(terms) == (5 if method.startswith("erkd") else 1)


@pytest.mark.parametrize(
    ("method", "pair"),
    [*(c for c in TWO_VIEWS if c[0] == "mlkd_ls"), ("eakd_mlkd", "resnet32x4_resnet8x4_ls")],
)
def test_of_mlkd_ls_the_divergence_alone_is_standardised(method: str, pair: str) -> None:
    is_file = pair.endswith("_ls")
    path = ROOT / method / f"{pair}_cifar100.py"
    terms = (Config.fromfile(path) if is_file else load(method, pair)).model.terms
    mlkd, relations = (terms[term] for term in ("mlkd", "relations"))
    first, second = (MODELS.build(term.loss) for term in (mlkd, relations))
    assert first.temperatures == second.temperatures == (2, 3, 5, 2, 6)
    assert (first.kl_weight, first.class_weight, first.batch_weight) == (1, 0, 0)
    classes = 0.1 if pair == SMALL else 1  # 10 classes, not 100
    assert (second.kl_weight, second.class_weight, second.batch_weight) == (0, classes, 1)
    assert len(first.transforms) == 1
    assert len(second.transforms) == 0
    weight = 4 if is_file else 6 if networks(pair) in LIGHT else 9
    assert mlkd.weight == relations.weight == weight
    assert "sample_weight" not in relations
    assert ("sample_weight" in mlkd) is is_file


@pytest.mark.parametrize("name", LS)
def test_ls_has_the_settings_of_the_released_logs(name: str) -> None:
    (temperature, weight), (base, factor, beta) = LS[name]
    model = load("ls", f"{name}_cifar100").model
    kd, loss = model.terms.kd, model.terms.kd.loss
    assert (loss.type, loss.temperature, kd.weight) == ("mmkd.KDLoss", temperature, weight)
    assert model.student_loss_weight == 0.1
    model = load("ls_dkd", f"{name}_cifar100").model
    dkd, loss = model.terms.dkd, model.terms.dkd.loss
    assert (loss.temperature, loss.alpha, loss.beta) == (base, factor, beta * factor)
    assert dkd.schedule == dict(warmup=20)
    assert model.get("student_loss_weight", 1.0) == dkd.get("weight", 1.0) == 1.0


@pytest.mark.parametrize("name", SEVEN)
def test_entropies_weigh_dist_and_ctkd(name: str) -> None:
    for who, kind, temperature in (
        ("erkd", "mmkd.EntropyWeight", 4.0),
        ("eakd", "mmkd.EntropyAdaptiveWeight", 3.0),
    ):
        for method, key in (("dist", "dist"), ("ctkd", "kd")):
            [(found, term)] = load(f"{who}_{method}", f"{name}_cifar100").model.terms.items()
            plain = load(method, f"{name}_cifar100").model.terms[key]
            assert found == key
            assert term.loss == plain.loss
            assert term.sample_weight == dict(type=kind, temperature=temperature)
            assert term.weight == (1.0 if method == "dist" else 0.9)
            assert plain.weight == (2.0 if method == "dist" else 0.9)


@pytest.mark.parametrize(("method", "epochs"), [("dist", 100), ("ctkd", 120)])
def test_imagenet_has_256_images_an_iteration(method: str, epochs: int) -> None:
    config = load(method, "resnet34_resnet18_imagenet_256")
    assert config.train_cfg.max_epochs == epochs
    assert config.optim_wrapper.optimizer.lr == 0.1
    assert 8 * config.train_dataloader.batch_size == config.auto_scale_lr.base_batch_size == 256
