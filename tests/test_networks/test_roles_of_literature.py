"""Roles resolve to the tensors that the published settings of the literature tap, in every pair."""

from collections import defaultdict

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from config_files import CLASSIFICATION, ROOT
from mmengine.config import Config

from mmkd.networks.building import network_config
from mmkd.networks.roles import Roles
from mmkd.networks.taps import Tap, Taps, expanded, flat, parse_taps, run_tapped
from mmkd.registry import MODELS

# By method: the roles of what its code lists of the student, and of the teacher.
SAME = {
    **dict.fromkeys(["at", "vid", "nst", "kdsvd", "semckd"], ("@stages",)),
    **dict.fromkeys(["ab", "ofd"], ("@preact",)),
    **dict.fromkeys(["cc", "rkd", "pkt", "crd"], ("@pooled",)),
    **dict.fromkeys(["sp", "ft"], ("@stages[-1]",)),
    **dict.fromkeys(["srrl", "catkd", "mgd"], ("@map",)),
    "fitnet": ("@stages[1]",),
}
ROLES = {method: (roles, roles) for method, roles in SAME.items()}
AFTER, BEFORE = ("@stages", "@pooled"), ("@preact", "@pooled")
ROLES["reviewkd"] = (AFTER, BEFORE)
# On ImageNet the ReLU of ReviewKD's ResNet overwrites what is collected before it.
BY_PAIR = {
    "reviewkd/resnet34_resnet18_imagenet.py": (AFTER, AFTER),
    "reviewkd/resnet50_mobilenet_v1_imagenet.py": (BEFORE, AFTER),
}


Texts = tuple[str, ...]


def published() -> dict[str, set[tuple[Texts, Texts]]]:
    """By network, the taps of configs and the roles that they are."""
    wanted = defaultdict(set)
    for name in CLASSIFICATION:
        method = name.partition("/")[0]
        if method not in ROLES or not name.endswith(("_cifar100.py", "_imagenet.py")):
            continue
        model = Config.fromfile(ROOT / name).model
        [term] = [term for term in model.terms.values() if "student" in term]
        student, teacher = BY_PAIR.get(name, ROLES[method])
        wanted[model.student].add((texts(term.student), student))
        wanted[model.teacher.model].add((texts(term.teacher), teacher))
    return wanted


def texts(taps: str | list[str]) -> Texts:
    return (taps,) if isinstance(taps, str) else tuple(taps)


@pytest.fixture(scope="module")
def wanted() -> dict[str, set[tuple[Texts, Texts]]]:
    return published()


NETWORKS = ("resnet8x4", "resnet32x4", "vgg8", "vgg13", "wrn_16_2", "wrn_40_1", "wrn_40_2")
NETWORKS += ("MobileNetV2", "ShuffleV2", "ResNet50", "mobilenet_v1", "resnet18_8xb32_in1k")
NETWORKS += ("resnet34_8xb32_in1k", "resnet50_8xb32_in1k")


def test_all_networks_of_the_literature_are_here(wanted):
    assert {spec.rpartition("/")[2].removesuffix(".py") for spec in wanted} == {*NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_roles_are_the_published_taps(name, wanted):
    [spec] = [spec for spec in wanted if spec.endswith(f"/{name}.py")]
    torch.manual_seed(0)
    network = MODELS.build(network_config(spec)).eval()
    images = torch.randn(2, 3, 64, 64)
    roles = Roles.find("student", network, images)
    pairs: list[tuple[Taps, Taps]] = []
    for taps, said in wanted[spec]:
        by_role = parse_taps(said)
        resolved = {tap: roles.resolve(tap) for tap in flat(by_role)}
        pairs.append((parse_taps(taps), expanded(by_role, resolved)))
    every: dict[Tap, None] = dict.fromkeys(t for pair in pairs for taps in pair for t in flat(taps))
    with torch.no_grad():
        _, caught = run_tapped(network, every, lambda: network(images, mode="tensor"))
    for meant, found in pairs:
        assert [caught[tap].shape for tap in flat(found)] == [caught[t].shape for t in flat(meant)]
        for one, other in zip(flat(found), flat(meant), strict=True):
            assert caught[one] is caught[other], (str(one), str(other))
    assert roles.resolve(Tap.parse("@logits")) == Tap("head.fc")
