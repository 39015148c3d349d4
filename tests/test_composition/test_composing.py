"""Composed configs: of stock students and of pairs, with one method or several."""

import inspect
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmkd.composition import TeacherChoice, compose
from mmkd.engine.launch import ArgumentError

STUDENT = "mmpretrain::resnet/resnet18_8xb32_in1k.py"
TEACHER = TeacherChoice("mmpretrain::resnet/resnet34_8xb32_in1k.py", "resnet34.pth")
PAIR = "mmkd::_base_/pairs/resnet32x4_resnet8x4_cifar100.py"


@pytest.fixture
def method(tmp_path: Path):
    """Writes a method of a user's own, and returns its path."""

    def write(name: str, text: str) -> str:
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return str(path)

    return write


def test_a_stock_students_config_becomes_a_distillation() -> None:
    plain, config = Config.fromfile(STUDENT), compose(STUDENT, [TEACHER], ["erkd"])
    student = {**plain.model.to_dict(), "_scope_": "mmpretrain"}
    assert config.model.type == "mmkd.Distiller"
    assert config.model.student.to_dict() == student
    assert config.model.teacher.to_dict() == TEACHER.settings()
    assert config.model.terms.kd.loss.type == "mmkd.KDLoss"
    assert config.model.terms.kd.sample_weight.type == "mmkd.EntropyWeight"
    hooks = Config.fromfile("mmkd::_base_/distillation.py").custom_hooks
    assert config.custom_hooks == hooks
    assert config.custom_imports.imports == ["mmkd"]
    assert config.runner_type == "mmkd.SafeRunner"
    changed = {"model", "custom_hooks", "custom_imports", "runner_type"}
    for key in plain.keys() - changed:
        assert config[key] == plain[key]
    assert config.keys() - plain.keys() <= changed


@pytest.mark.parametrize("name", ["kd", "erkd"])
def test_a_pair_and_a_method_give_the_config_of_that_method_and_pair(name: str) -> None:
    """In all that a Runner reads; a file may have variables besides."""
    composed = compose(PAIR, [], [name]).to_dict()
    written = Config.fromfile(f"mmkd::{name}/resnet32x4_resnet8x4_cifar100.py").to_dict()
    read = {*inspect.signature(Runner).parameters, "custom_imports"} & written.keys()
    assert {"model", "custom_hooks", "train_dataloader", "optim_wrapper"} <= read
    assert {key: composed[key] for key in read} == {key: written[key] for key in read}


def test_hooks_and_imports_of_the_student_stay(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        f"_base_ = {STUDENT!r}\n"
        "custom_hooks = [dict(type='EMAHook'), dict(type='mmkd.StatisticsHook', interval=7)]\n"
        "custom_imports = dict(imports='json', allow_failed_imports=True)\n"
    )
    config = compose(str(own), [TEACHER], ["kd"])
    types = [hook.type for hook in config.custom_hooks]
    assert types[:2] == ["EMAHook", "mmkd.StatisticsHook"]
    assert types.count("mmkd.StatisticsHook") == 1
    assert config.custom_hooks[1].interval == 7
    assert config.custom_imports.to_dict() == dict(
        imports=["json", "mmkd"], allow_failed_imports=True
    )


def test_terms_of_several_methods_add_up() -> None:
    atss = "mmdet::atss/atss_r50_fpn_1x_coco.py"
    config = compose(atss, [TEACHER], ["kd", "pkd"], {"kd.weight": 3.0, "temperature": 2.0})
    assert [*config.model.terms] == ["kd", "pkd"]
    assert config.model.terms.kd.weight == 3.0
    assert config.model.terms.kd.loss.temperature == 2.0
    assert config.model.terms.kd.loss.type == "mmkd.BinaryKDLoss"


def test_a_method_replaces_the_terms_of_a_distillations_config() -> None:
    config = compose("mmkd::erkd/resnet32x4_resnet8x4_cifar100.py", [], ["dkd"])
    assert [*config.model.terms] == ["dkd"]


def test_teachers_replace_those_of_the_config() -> None:
    assert compose(PAIR, [TEACHER], ["kd"]).model.teacher == TEACHER.settings()
    named = TeacherChoice("big.py", None, "big")
    config = compose(PAIR, [named, TEACHER], ["kd"])
    assert "teacher" not in config.model
    assert config.model.teachers == dict(big=named.settings(), teacher1=TEACHER.settings())


def test_methods_that_disagree_are_named_unless_the_caller_decides(method) -> None:
    text = "method = dict(classifier=dict(model=dict(student_loss_weight={}, terms=dict({}={}))))"
    names = [method(n, text.format(w, n, "dict()")) for n, w in (("one", 0.5), ("two", 1.0))]
    with pytest.raises(ArgumentError, match=r"'one' and 'two' do not agree.*0\.5.*1\.0"):
        compose(STUDENT, [TEACHER], names)
    decided = {"model.student_loss_weight": 1.0}
    assert [*compose(STUDENT, [TEACHER], names, decided=decided).model.terms] == ["one", "two"]


def test_what_is_published_for_a_pair_comes_with_the_pair(method, tmp_path: Path) -> None:
    pair = tmp_path / "my_pair.py"
    pair.write_text(f"_base_ = {PAIR!r}\n")
    text = (
        "method = dict(classifier=dict(model=dict(terms=dict(x=dict(weight=1.0)))))\n"
        "published = dict(my_pair=dict(model=dict(terms=dict(x=dict(weight=5.0)))))\n"
    )
    name = method("own", text)
    assert compose(str(pair), [], [name]).model.terms.x.weight == 5.0
    assert compose(PAIR, [], [name]).model.terms.x.weight == 1.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((STUDENT, [], ["kd"]), "needs a teacher: --teacher"),
        (("nowhere.py", [TEACHER], ["kd"]), "There is no config nowhere.py"),
        ((STUDENT, [TEACHER], ["kdd"]), "There is no method 'kdd'. Did you mean 'kd'"),
        ((STUDENT, [TEACHER], ["ld"]), "The method 'ld' is not for classifiers"),
        ((STUDENT, [TEACHER], ["kd"], dict(temprature=1)), "Did you mean 'temperature'"),
        ((STUDENT, [TEACHER], ["kd", "dkd"], dict(temperature=1)), r"write kd\.temperature="),
        (("mmkd::_base_/schedules/cifar_240e.py", [TEACHER], ["kd"]), "has no `model`"),
    ],
)
def test_what_cannot_be_composed_is_refused_in_words(arguments: tuple, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        compose(*arguments)


def test_a_method_without_teachers_takes_none(method) -> None:
    model = "dict(type='mmkd.SelfDistiller', terms=dict(x=dict()))"
    name = method("alone", f"method = dict(classifier=dict(model={model}))")
    assert compose(STUDENT, [], [name]).model.type == "mmkd.SelfDistiller"
    with pytest.raises(ArgumentError, match="takes no teacher"):
        compose(STUDENT, [TEACHER], [name])
