"""CIRKDLoss against loops in NumPy, and what its memory holds."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from feature_cases import random
from torch import Tensor

from mmkd.losses import CIRKDLoss
from mmkd.losses.features.class_memory import ClassMemory

KD = dict(type="mmkd.KDLoss", temperature=1.0)
ALONE = dict(pixel_weight=0.0, region_weight=0.0)
ENTROPY = dict(type="mmkd.EntropyWeight", temperature=1.0)
IGNORED = 255


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def rows(maps: Tensor) -> np.ndarray:
    """Vectors of unit length of each image, (N, P, D)."""
    return unit(maps.detach().flatten(2).transpose(1, 2).numpy())


def divergence(student: np.ndarray, teacher: np.ndarray, weigh: bool = False) -> np.ndarray:
    """KL of the softmax of each row."""
    p, q = (np.exp(z) / np.exp(z).sum(1, keepdims=True) for z in (teacher, student))
    kl = (p * (np.log(p) - np.log(q))).sum(1)
    return kl * -(p * np.log(p)).sum(1) if weigh else kl


def within(own: np.ndarray, theirs: np.ndarray, temperature: float, weigh: bool) -> np.ndarray:
    """The loss of each image, by a loop over pairs of images."""
    found = np.zeros(len(own))
    for n in range(len(own)):
        for m in range(len(own)):
            pair = (x[n] @ x[m].T / temperature for x in (own, theirs))
            found[n] += divergence(*pair, weigh).mean() / len(own)
    return found


@pytest.mark.parametrize("weigh", [False, True])
def test_pixels_of_the_batch_are_the_reference(weigh: bool) -> None:
    own, theirs = random(0, (3, 5, 2, 4)), random(1, (3, 7, 2, 4))
    weight = ENTROPY if weigh else None
    loss = CIRKDLoss(KD, weight, temperature=0.5, **ALONE, reduction="none")
    expected = within(rows(own), rows(theirs), 0.5, weigh)
    np.testing.assert_allclose(loss(own, theirs), expected)


def test_maps_of_other_sizes_and_cells_are_averaged() -> None:
    own, theirs = random(0, (2, 5, 4, 8)), random(1, (2, 7, 2, 4))
    halved = torch.nn.functional.avg_pool2d
    loss = CIRKDLoss(KD, **ALONE)
    torch.testing.assert_close(loss(own, theirs), loss(halved(own, 2), theirs))
    pooled = CIRKDLoss(KD, pool=2, **ALONE)(own, theirs)
    torch.testing.assert_close(pooled, loss(halved(own, 4), halved(theirs, 2)))


def samples(labels: np.ndarray) -> list[Any]:
    annotations = [SimpleNamespace(data=torch.from_numpy(each)[None]) for each in labels]

    class Sample(SimpleNamespace):
        def __contains__(self, name: str) -> bool:
            return name == "gt_sem_seg"

    return [Sample(gt_sem_seg=annotation) for annotation in annotations]


def remembering(**settings: Any) -> CIRKDLoss:
    torch.manual_seed(0)
    loss = CIRKDLoss(KD, **settings)
    loss.adapt([(2, 5, 2, 2)], [(2, 3, 2, 2)])
    loss.remember_classes(4, IGNORED)
    return loss.double()


LABELS = np.array([[[0, 0], [2, IGNORED]], [[2, 2], [2, 0]]])


def test_the_memory_part_is_the_mean_over_labelled_pixels() -> None:
    sizes = dict(pixels=3, regions=2)
    loss = remembering(pixel_weight=0.5, region_weight=2.0, **sizes, reduction="none").eval()
    own, theirs = random(2, (2, 5, 2, 2)), random(1, (2, 3, 2, 2))
    found = loss(own, theirs, data_samples=samples(LABELS)).detach()
    projected = rows(loss.head(own))
    expected = within(rows(own), rows(theirs), 0.1, False)
    inside = LABELS.reshape(2, -1) != IGNORED
    for kind, weight in (("pixels", 0.5), ("regions", 2.0)):
        vectors = loss.memory[kind].queue.flatten(0, 1).numpy()
        for n in range(2):
            pair = (x[n][inside[n]] @ vectors.T / 0.1 for x in (projected, rows(theirs)))
            expected[n] += weight * divergence(*pair).sum() / (inside.sum() / 2)
    np.testing.assert_allclose(found, expected)


def test_the_memory_holds_the_regions_and_pixels_of_each_class() -> None:
    loss = remembering(pixels=4, regions=2, kept=2)
    before = {kind: memory.queue.clone() for kind, memory in loss.memory.items()}
    own, theirs = random(0, (2, 5, 2, 2)), random(1, (2, 3, 2, 2))
    loss(own, theirs, data_samples=samples(LABELS)).backward()
    vectors, labels = rows(theirs), LABELS.reshape(2, -1)
    regions, pixels = (loss.memory[kind].queue.numpy() for kind in ("regions", "pixels"))
    for label in (0, 2):
        means = [unit(vectors[n][labels[n] == label].mean(0)) for n in range(2)]
        np.testing.assert_allclose(regions[label], means)
        of_class = vectors[labels == label]
        known = (np.abs(pixels[label][:, None] - of_class).max(-1) < 1e-12).any(1)
        assert known.sum() == {0: 3, 2: 3}[label]  # no more than two of an image
    for label in (1, 3):
        for kind, memory in loss.memory.items():
            assert torch.equal(memory.queue[label], before[kind][label])
    assert loss.head[0].weight.grad.abs().sum() > 0
    loss(own, theirs, data_samples=samples(LABELS))
    np.testing.assert_allclose(loss.memory["regions"].queue[0].numpy(), regions[0])


def test_the_same_places_of_each_class_are_drawn() -> None:
    memory = ClassMemory(4, 50, 3)
    drawn = memory.sample(10).unflatten(0, (4, -1))
    assert drawn.shape == (4, 3, 3)  # 10 // 4 + 1 of each class
    places = [torch.where((memory.queue[k] == drawn[k, 0]).all(1))[0] for k in range(4)]
    assert len(set(map(int, places))) == 1
    assert not torch.equal(drawn[0], memory.sample(10).unflatten(0, (4, -1))[0])


def test_the_released_code_takes_the_first_positions_of_an_image() -> None:
    loss = remembering(pixels=4, regions=2, kept=2, released_code=True)
    own, theirs = random(0, (2, 5, 2, 2)), random(1, (2, 3, 2, 2))
    loss(own, theirs, data_samples=samples(LABELS))
    taken = loss.memory["pixels"].queue[2, :1].numpy()  # one pixel of image 0, which is its third
    np.testing.assert_allclose(taken, rows(theirs)[0, :1])


def test_what_it_cannot_compare_is_refused() -> None:
    maps = random(0, (2, 5, 2, 2)), random(1, (2, 3, 2, 2))
    with pytest.raises(ValueError, match="one by one and without labels"):
        CIRKDLoss(dict(type="mmkd.DKDLoss"))
    with pytest.raises(ValueError, match="needs annotated pixels"):
        remembering()(*maps)
    with pytest.raises(ValueError, match="classifies none"):
        remembering().attach(torch.nn.Linear(2, 2), None)
    with pytest.raises(ValueError, match="tap '@map' of both"):
        CIRKDLoss(KD).adapt([(2, 5)], [(2, 3)])
