"""Files of methods are complete by roles, and agree with the configs of pairs."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
from config_files import ALL, METHODS, PAIRS, PINNED, ROOT, base, composed, kind_of
from mmengine.config import Config

from mmkd.composition import compose

KINDS = {"classifier", "roi", "dense", "distributions", "queries", "masks", "segmentor"}
ROLE = re.compile(r"@(logits|pooled|map|stages|preact|levels|memory|masks)(\[-?\d+\])?")
# Parts that no role stands for: LD's second output of the head, SimKD's projector, the pooling of
# BYOT's branches.
OTHER_TAPS = {"bbox_head[1][:]", "neck.0", "neck"}
# Folders of other configs than those of a method.
OTHER = {"baseline", "quickstart", "quickstart_detection"}
FIELDS = (
    "model",
    "train_dataloader",
    "train_cfg",
    "optim_wrapper",
    "param_scheduler",
    "auto_scale_lr",
    "custom_hooks",
)


def settings(config: Config) -> dict[str, Any]:
    """Return the fields that a run takes from a config and in which methods may differ."""
    found = config.to_dict()
    return {field: found.get(field) for field in FIELDS}


def digest(config: Config) -> str:
    """A short hash of a model's terms and weights, and of its recipe."""
    found = settings(config)
    del found["custom_hooks"]  # those of all runs
    kept = ("terms", "student", "student_loss_weight", "student_loss_schedule")
    found["model"] = {key: found["model"].get(key) for key in kept}
    found["train_dataloader"] = found["train_dataloader"]["batch_size"]
    # The order of terms is the order in which they draw random numbers.
    text = json.dumps([found, [*config.model.terms]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def is_slow(pair: str) -> bool:
    """Tell whether bases are of mmdet: MMEngine reads all of mmdet's metafiles for each."""
    return pair.endswith("_coco")


def two_bases() -> Iterator[tuple[str, str, str]]:
    """Each config of a pair and a method that are its bases, with their names."""
    for name in ALL:
        found = re.findall(r'_base_/(pairs|methods)/(\w+)\.py"', (ROOT / name).read_text())
        bases = dict(found)
        if len(found) == len(bases) == 2 and bases["methods"] == name.partition("/")[0]:
            yield name, bases["pairs"], bases["methods"]


FILES = [*two_bases()]
# The last of each folder is compared always, the others when slow.
LAST = {name.partition("/")[0]: name for name, pair, _ in FILES if not is_slow(pair)}.values()


def test_every_method_has_its_file() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/README.md")} - OTHER
    assert folders - set(METHODS) == set()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_said_by_roles_for_the_kinds_that_there_are(name: str) -> None:
    method = base("methods", name)
    assert method.keys() <= {"method", "options", "published"}
    assert {*method.method} <= KINDS
    assert {*method.get("published", {})} <= {*PAIRS}
    for variant in method.method.values():
        for term in variant.model.get("terms", {}).values():
            assert "loss" in term
            for side in ("student", "teacher"):
                taps = term.get(side, [])
                for tap in [taps] if isinstance(taps, str) else taps:
                    assert ROLE.fullmatch(tap) or tap in OTHER_TAPS


@pytest.mark.parametrize("name", METHODS)
def test_a_short_name_sets_something_of_the_method(name: str) -> None:
    """Its key is there, or is one that the loss, the term or the model takes."""
    method = base("methods", name)
    for option, key in method.get("options", {}).items():
        *path, last = key.split(".")
        owners = list(method.method.values())
        for part in path:
            owners = [owner[part] for owner in owners if part in owner]
        optional = {"schedule.warmup", "feature_schedule.warmup", "student_loss_weight"}
        assert owners or key.endswith(tuple(optional)), f"{option}: {key}"
        assert last


@pytest.mark.parametrize(
    ("name", "pair", "method"),
    [f if f[0] in LAST else pytest.param(*f, marks=pytest.mark.slow) for f in FILES],
)
def test_a_config_is_its_pair_and_its_method(name: str, pair: str, method: str) -> None:
    assert settings(Config.fromfile(ROOT / name)) == settings(composed(pair, method))


@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", PINNED)
def test_a_pair_and_a_method_have_the_settings_that_they_had_as_a_file(
    method: str, slow: bool
) -> None:
    """A config that changes on purpose: write what it is now to the file of the short hashes."""
    expected = {pair: pin for pair, pin in PINNED[method].items() if is_slow(pair) == slow}
    assert {pair: digest(composed(pair, *method.split("+"))) for pair in expected} == expected


@pytest.mark.parametrize(
    "pair", [pytest.param(p, marks=pytest.mark.slow) if is_slow(p) else p for p in PAIRS]
)
def test_a_pair_is_complete_but_for_the_terms(pair: str) -> None:
    config = base("pairs", pair)
    assert config.model.type == "mmkd.Distiller"
    assert "terms" not in config.model
    assert {"train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler"} <= config.keys()
    hooks = {hook.type for hook in config.custom_hooks}
    assert {"mmkd.StepCheckHook", "mmkd.StudentCheckpointHook"} <= hooks
    detector = config.default_scope == "mmdet"
    assert detector == (kind_of(pair) != "classifier")


@pytest.mark.parametrize(
    ("pair", "methods"),
    [
        ("resnet20_resnet8_w8_fmnist8k", ["ab"]),
        ("ResNet50_MobileNetV2_cifar100", ["fcfd"]),
        ("resnet32x4_ShuffleV2_cifar100_two_views", ["eakd_mlkd"]),
        ("vgg13_vgg8_cifar100", ["crd", "wttm"]),
        pytest.param("fasterrcnn_r101_r18_coco", ["erkd"], marks=pytest.mark.slow),
        pytest.param("retinanet_r101_r50_coco", ["pkd"], marks=pytest.mark.slow),
    ],
)
def test_one_flag_composes_what_the_tests_here_look_at(pair: str, methods: list[str]) -> None:
    config = compose(str(ROOT / f"_base_/pairs/{pair}.py"), [], methods)
    assert config.to_dict() == composed(pair, *methods).to_dict()


@pytest.mark.parametrize("method", ["erkd", "eakd"])
def test_selection_is_added_to_a_methods_term_by_one_flag(method: str) -> None:
    pair = "resnet20_resnet8_w8_fmnist8k"
    terms, chosen = (composed(pair, *each).model.terms for each in ([method], [method, "select"]))
    select = chosen.kd.pop("select")
    assert select == dict(type="mmkd.SelectByEntropy", source="student", keep=0.5)
    assert chosen == terms
