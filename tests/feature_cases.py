"""Feature losses of the literature, ready to be called alone, for tests."""

from types import SimpleNamespace
from typing import Any

import mmkd  # noqa: F401

# isort: split
import torch
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmkd.registry import MODELS

MAPS = [(4, 6, 8, 8), (4, 8, 4, 4), (4, 10, 4, 4)]
OTHER_MAPS = [(4, 5, 8, 8), (4, 9, 8, 8), (4, 12, 2, 2)]
VECTORS = [(4, 6)], [(4, 9)]
CLASSES = 3
# Arguments, and the shapes of the student's and of the teacher's features.
CASES: dict[str, tuple[dict[str, Any], list[tuple[int, ...]], list[tuple[int, ...]]]] = {
    "CCLoss": ({}, *VECTORS),
    "AdjacentCCLoss": (dict(dim=7), *VECTORS),
    "VIDLoss": ({}, MAPS, OTHER_MAPS),
    "ABLoss": ({}, MAPS, MAPS),
    "FTLoss": ({}, MAPS[:1], OTHER_MAPS[:1]),
    "FSPLoss": ({}, MAPS, MAPS),
    "KDSVDLoss": ({}, MAPS, MAPS),
    "OFDLoss": (dict(margin=-0.5), MAPS, MAPS),
    "SemCKDLoss": (dict(batch_size=5), MAPS[:2], OTHER_MAPS),
    "CATKDLoss": ({}, MAPS[2:], OTHER_MAPS[2:]),
    "SimKDLoss": ({}, MAPS[2:], [(4, 10, 2, 2)]),
    "PADLoss": ({}, [(4, 12, 2, 2)], OTHER_MAPS[2:]),
    "SRRLLoss": ({}, [(4, 12, 4, 4)], OTHER_MAPS[2:]),
    "VkDLoss": ({}, MAPS[2:], [(4, 9)]),
    "ProteusLoss": ({}, [(4, 6), (4, 6, 4, 4)], [(4, 9), (4, 4, 9)]),
    "SEEDLoss": (dict(loss=dict(type="mmkd.KDLoss"), size=6), [(4, 9)], [(4, 9)]),
    "CIRKDLoss": (
        dict(loss=dict(type="mmkd.KDLoss"), pixel_weight=0.0, region_weight=0.0),
        MAPS[2:],
        OTHER_MAPS[2:],
    ),
    "UNICLoss": ({}, [(4, 9), (4, 6, 9)], [(4, 9), (4, 6, 9)]),
    "WKDFeatureLoss": ({}, MAPS[1:], MAPS[1:]),
    "SDDLoss": (dict(loss=dict(type="mmkd.KDLoss")), MAPS[2:], OTHER_MAPS[2:]),
    "OFAStageLoss": ({}, MAPS, [(4, CLASSES)]),
    "CRDLoss": (dict(num_samples=20, negatives=6, dim=7), *VECTORS),
}
RELATIONAL = ("CCLoss", "AdjacentCCLoss")


def network(channels: int, classes: int = CLASSES) -> nn.Module:
    """A network of which only the classifier is there."""
    head = nn.ModuleDict(dict(fc=nn.Linear(channels, classes)))
    return nn.ModuleDict(dict(head=head)).double()


def random(seed: int, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(shape, generator=generator, dtype=torch.float64)


def built(name: str, **overrides: Any) -> nn.Module:
    """The loss in double precision, adapted and attached as a term does it."""
    arguments, students, teachers = CASES[name]
    torch.manual_seed(0)
    loss = MODELS.build(dict(type=f"mmkd.{name}", **{**arguments, **overrides}))
    if hasattr(loss, "adapt"):
        loss.adapt(students, teachers)
    if hasattr(loss, "attach"):
        teacher = SimpleNamespace(network=network(teachers[-1][1]).requires_grad_(False))
        loss.attach(network(students[-1][1]), teacher)
    return loss.double()


def features(name: str, samples: int = 4, scale: float = 1.0) -> tuple[list[Tensor], list[Tensor]]:
    """Features of student and teacher, those of the former with gradients."""
    _, students, teachers = CASES[name]
    own = [random(i, (samples, *s[1:]), scale) for i, s in enumerate(students)]
    theirs = [random(9 + i, (samples, *s[1:]), scale) for i, s in enumerate(teachers)]
    return [x.requires_grad_() for x in own], [x.requires_grad_() for x in theirs]


def extras(name: str, samples: int = 4) -> dict[str, Any]:
    """Return the further arguments with which the loss is called."""
    if name in ("SDDLoss", "OFAStageLoss"):
        return dict(labels=torch.arange(samples) % CLASSES)
    if name != "CRDLoss":
        return {}
    places = [DataSample(metainfo=dict(sample_idx=3 * i)) for i in range(samples)]
    return dict(labels=torch.arange(samples) % CLASSES, data_samples=places)
