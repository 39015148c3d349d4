"""Misspelt types and arguments of mmkd's parts."""

import re

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import RUNNERS as ROOT_RUNNERS
from mmengine.registry import Registry

from mmkd.engine.failure import words as words_of
from mmkd.losses import KDLoss
from mmkd.networks.building import build_network, network_config
from mmkd.registry import MODELS, RUNNERS, UnknownPartError


@pytest.mark.parametrize(
    ("registry", "name", "near"),
    [
        (MODELS, "mmkd.KDLos", "KDLoss"),
        (MODELS, "KDLos", "KDLoss"),
        (ROOT_MODELS, "mmkd.Distiler", "Distiller"),
        (ROOT_HOOKS, "mmkd.StatisticHook", "StatisticsHook"),
    ],
)
def test_a_misspelt_type_gets_the_nearest_one(registry: Registry, name: str, near: str) -> None:
    """Also where the registries of MMEngine build it, as a Runner does."""
    with pytest.raises(UnknownPartError, match=f"Did you mean '{near}'") as error:
        registry.build(dict(type=name))
    assert str(error.value).startswith("mmkd has no")  # not in quotes, as KeyError has its text


@pytest.mark.parametrize("registry", [RUNNERS, ROOT_RUNNERS])
def test_a_misspelt_runner_gets_the_nearest_one(registry: Registry) -> None:
    words = r"no runner 'SafeRuner'\. Did you mean 'SafeRunner'"
    with pytest.raises(UnknownPartError, match=words):
        registry.build(Config(dict(runner_type="mmkd.SafeRuner")))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(temprature=3.0), "no setting 'temprature'. Did you mean 'temperature'"),
        (dict(temperature="3"), "'temperature' of the mmkd.KDLoss cannot be '3'"),
        (dict(transforms="mmkd.Standardize"), "'transforms' of the mmkd.KDLoss cannot be"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        MODELS.build(dict(type="mmkd.KDLoss", **arguments))


@pytest.mark.parametrize(
    ("part", "arguments", "words"),
    [
        ("DKDLoss", dict(temprature=3.0), "no setting 'temprature'. Did you mean 'temperature'"),
        ("DKDLoss", dict(loss_weight="2"), "'loss_weight' of the mmkd.DKDLoss cannot be '2'"),
        ("DISTLoss", dict(transfroms=[]), "no setting 'transfroms'. Did you mean 'transforms'"),
        ("EntropyWeight", dict(normalise=True), "Did you mean 'normalize'"),
    ],
)
def test_arguments_that_go_on_to_a_base_are_checked_there(
    part: str, arguments: dict, words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        MODELS.build(dict(type=f"mmkd.{part}", **arguments))


def test_right_arguments_and_types_of_other_packages_pass() -> None:
    assert isinstance(MODELS.build(dict(type="mmkd.KDLoss", temperature=2)), KDLoss)
    assert (
        MODELS.build(dict(type="torch.nn.Linear", in_features=2, out_features=1)).in_features == 2
    )


def test_errors_of_a_part_are_its_own() -> None:
    """A TypeError from inside is no wrong argument."""

    @MODELS.register_module(name="Broken")
    class Broken:
        def __init__(self) -> None:
            raise TypeError("NoneType takes no arguments")

    try:
        with pytest.raises(TypeError, match=r"^NoneType takes no arguments$"):
            MODELS.build(dict(type="mmkd.Broken"))
    finally:
        del MODELS.module_dict["Broken"]


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (dict(type="mmpretrain.ImageClassifer"), "no type 'mmpretrain.ImageClassifer'. Did you "),
        (
            dict(type="mmpretrain.ImageClassifier", backbone=dict(type="ResNett", depth=18)),
            "no type 'ResNett'. Did you mean 'ResNet'",
        ),
        (
            dict(
                config="mmdet::retinanet/retinanet_r50_fpn_1x_coco.py",
                **{"bbox_head.anchor_generator.type": "AnchorGenerater"},
            ),
            "no type 'AnchorGenerater'. Did you mean 'AnchorGenerator'",
        ),
        (dict(type="mmpretrain.MyOwnThing"), "For a type of your own, the config has to import"),
    ],
)
def test_misspelt_types_of_other_packages_get_the_nearest_one(network: dict, words: str) -> None:
    if "config" in network:
        pytest.importorskip("mmdet")
    with pytest.raises(UnknownPartError, match=re.escape(words)) as error:
        build_network(network_config(network))
    assert ("Did you mean" in str(error.value)) is ("Did you" in words)


def test_a_misspelt_transform_is_told_when_a_run_fails() -> None:
    """Also where mmkd builds nothing: the words are those of the failing command."""
    data = dict(data_root="nowhere", lazy_init=True, pipeline=[dict(type="RandomCropp")])
    with pytest.raises(KeyError) as error:
        ROOT_DATASETS.build(dict(type="mmpretrain.CustomDataset", _scope_="mmpretrain", **data))
    assert words_of(error.value).startswith(
        "There is no type 'RandomCropp'. Did you mean 'RandomCrop'?"
    )
    assert words_of(RuntimeError("Failed to get mmpretrain.RandomCropp")).startswith(
        "There is no type 'mmpretrain.RandomCropp'. Did you mean 'RandomCrop'?"
    )
