"""Misspelt types and arguments of mmkd's parts."""

import re

import pytest
from mmengine.config import Config
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import RUNNERS as ROOT_RUNNERS
from mmengine.registry import Registry

from mmkd.losses import KDLoss
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
